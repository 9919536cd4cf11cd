"""What a pool of GPU nodes is, and how the node autoscaler treats all pools."""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from elastic_vllm import catalog
from elastic_vllm.section import GpuCount, Name, Section, catalogued, config_error

AcceleratorName = Annotated[
    str,
    AfterValidator(partial(catalogued, "accelerator", catalog.accelerators)),
    Field(json_schema_extra=lambda schema: schema.update(enum=list(catalog.accelerators()))),
]
"""A GPU by its neutral name; each cloud's catalogue maps it to machines."""


class ReservationSpec(Section):
    """Machines that the cloud keeps for you already, and bills whether they run or not."""

    name: str = Field(min_length=1, max_length=63, examples=["cr-0123456789abcdef0"])
    """The cloud's own name of the reservation."""
    zone: str = Field(min_length=1)
    """The zone that the machines are reserved in; nodes come nowhere else."""
    block: bool = False
    """Bought for a fixed time, at whose end the machines are taken back."""


class NodePoolSpec(Section):
    """Identical GPU nodes that can grow and shrink. One pool is one machine shape."""

    name: Name
    """What models call the pool by, and what its nodes are labelled with."""
    accelerator: AcceleratorName
    """The GPU of every node, by its neutral name."""
    gpus_per_node: GpuCount = 1
    """GPUs on each node."""
    machine: str | None = Field(default=None, min_length=1)
    """The cloud's own name of the machine; the cheapest that has these GPUs when left out."""
    machines: tuple[str, ...] = Field(default=(), max_length=10)
    """Several machines with these GPUs, of which a node is whichever there is; planned at the dearest."""
    min_nodes: int = Field(default=0, ge=0, le=1000)
    """Nodes kept even when nothing runs on them; each costs its full price."""
    max_nodes: int = Field(ge=1, le=1000)
    """The pool's maximum of nodes: the ceiling of its cost."""
    capacity: Literal["on-demand", "spot", "spot-then-on-demand", "reserved", "flex-start"] = "on-demand"
    """How the machines are bought; Spot ones can be taken back at short notice, flex-start ones wait."""
    zones: tuple[str, ...] = ()
    """Zones of the nodes, some of the cluster's; all of them when left out. Choose those with the GPU."""
    reservation: ReservationSpec | None = None
    """Which reservation ``capacity: reserved`` takes its machines from."""

    @property
    def chosen(self) -> str | tuple[str, ...] | None:
        """What the file says of the machine, if anything."""
        return self.machines or self.machine

    @property
    def machine_key(self) -> str:
        """The key that decided on the machine."""
        return "machines" if self.machines else "machine" if self.machine else "accelerator"

    @model_validator(mode="after")
    def _machines_are_several(self) -> Self:
        if self.machines and self.machine is not None:
            raise config_error("machines", "is not used beside machine; write all of them in machines")
        if len(self.machines) != len(set(self.machines)):
            raise config_error("machines", "names one twice; name each machine once")
        if len(self.machines) > 1 and self.reservation is not None:
            raise config_error("machines", "a reservation holds machines of one type; name it in machine")
        return self

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        if self.min_nodes > self.max_nodes:
            raise config_error(
                "minNodes", f"{self.min_nodes} is above maxNodes {self.max_nodes}; lower it or raise maxNodes"
            )
        return self

    @model_validator(mode="after")
    def _zones_are_chosen_once(self) -> Self:
        if self.zones and self.reservation:
            raise config_error(
                "zones", "is not used with a reservation, whose own zone decides; leave it out"
            )
        for index, zone in enumerate(self.zones):
            if zone in self.zones[:index]:
                raise config_error(f"zones[{index}]", f"{zone!r} is in the list already; name each zone once")
        return self

    @model_validator(mode="after")
    def _reserved_capacity_has_a_reservation(self) -> Self:
        if self.capacity == "reserved" and self.reservation is None:
            raise config_error(
                "reservation", "is required with capacity: reserved; give its name and its zone"
            )
        if self.capacity != "reserved" and self.reservation is not None:
            raise config_error(
                "reservation", f"is not used with capacity: {self.capacity}; write capacity: reserved"
            )
        return self


class NodeAutoscalingSpec(Section):
    """When nodes are given back."""

    consolidation: Literal["when-empty", "when-underutilized"] = "when-empty"
    """``when-underutilized`` also moves replicas to pack nodes, within their disruption budgets."""
    consolidate_after_seconds: int = Field(default=60, ge=0, le=86_400)
    """How long a node must be empty (or underutilized) before it is given back."""
