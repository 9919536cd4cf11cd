"""A stack as the rules see it: with its models placed and its cost summed, each worked out once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from elastic_vllm.catalog import MachineRow
from elastic_vllm.estimate import memory
from elastic_vllm.estimate.cost import Envelope, envelope
from elastic_vllm.estimate.placement import Placed, machine_of, placed
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.vllm.startup import Start, start_of


@dataclass(frozen=True)
class View:
    """What every rule gets."""

    config: StackConfig
    today: date
    """By which prices age and exceptions expire."""

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Models whose pool and machine exist."""
        return tuple(placed(self.config))

    def start_of(self, at: Placed) -> Start:
        """How long a new replica takes until it is ready, in real seconds."""
        return start_of(self.config.cluster, at.model, at.machine)

    def next_seconds(self, at: Placed) -> float:
        """Until one more replica is ready, on a place that is kept warm where there is one."""
        start = self.start_of(at)
        return start.load if at.model.headroom else start.seconds

    @cached_property
    def fits(self) -> tuple[tuple[Placed, memory.Fit], ...]:
        """Placed models with the memory of their GPUs."""
        return tuple((at, memory.fit_of(at)) for at in self.placed)

    @cached_property
    def pools(self) -> tuple[tuple[str, NodePoolSpec, MachineRow], ...]:
        """Pools with their keys, and the machine of each that has one."""
        found = (
            (f"pools[{i}]", pool, machine_of(self.config, pool)) for i, pool in enumerate(self.config.pools)
        )
        return tuple((key, pool, machine) for key, pool, machine in found if machine is not None)

    @cached_property
    def envelope(self) -> Envelope:
        """The bounds of the bill."""
        return envelope(self.config)

    def on(self, pool: NodePoolSpec) -> list[Placed]:
        """Models of a pool that fit its nodes; those that do not are reported by ``fit``."""
        return [at for at in self.placed if at.pool.name == pool.name and at.replicas_per_node > 0]

    def autoscaled(self) -> Iterator[Placed]:
        """Models whose replica count moves."""
        return (at for at in self.placed if at.model.replicas.min < at.model.replicas.max)

    @property
    def production(self) -> bool:
        """Whether others rely on this stack."""
        return self.config.environment == "production"
