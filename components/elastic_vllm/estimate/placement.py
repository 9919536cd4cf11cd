"""Which pool and machine each model lands on, for rules that need all three. Says nothing itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from elastic_vllm.catalog import (
    AcceleratorRow,
    CatalogueError,
    MachineRow,
    ModelRow,
    accelerators,
    machine_for,
    machine_in,
    models,
)
from elastic_vllm.spec import ModelSpec, NodePoolSpec
from elastic_vllm.spec.stack import StackConfig

SYSTEM_CPU_MILLIS = 300
"""CPU kept for what runs on every GPU node beside the models: device plugin, CNI, kube-proxy, exporters."""
SYSTEM_MEMORY_MIB = 512
"""Memory kept for the same."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A model with all that decides whether it can run."""

    key: str
    """Path of the model in the stack file."""
    model: ModelSpec
    checkpoint: ModelRow
    pool: NodePoolSpec
    machine: MachineRow
    accelerator: AcceleratorRow

    @property
    def replicas_per_node(self) -> int:
        """How many replicas, or members of groups, one empty node carries: the scarcest of all decides."""
        asked, machine = self.model.resources, self.machine
        return min(
            machine.gpus // self.model.gpus_per_node,
            int((machine.allocatable_cpu_millis - SYSTEM_CPU_MILLIS) // (asked.cpu * 1000)),
            int((machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB) // (asked.memory_gib * 1024)),
        )


def machine_of(config: StackConfig, pool: NodePoolSpec) -> MachineRow | None:
    """The pool's machine, at the prices of the stack's region; ``None`` where ``references`` reports it."""
    try:
        found = machine_for(config.cluster.catalogue, pool.accelerator, pool.gpus_per_node, pool.chosen)
    except CatalogueError:
        return None
    return machine_in(found, config.cluster.bill().region)


def placed(config: StackConfig) -> Iterator[Placed]:
    """Every model whose pool and machine exist."""
    pools = {pool.name: pool for pool in config.pools}
    for index, model in enumerate(config.models):
        pool = pools.get(model.pool)
        machine = machine_of(config, pool) if pool else None
        if pool and machine:
            yield Placed(
                key=f"models[{index}]",
                model=model,
                checkpoint=models()[model.checkpoint],
                pool=pool,
                machine=machine,
                accelerator=accelerators()[pool.accelerator],
            )


def place_of(config: StackConfig, name: str) -> Placed:
    """Where one model lands, of a stack in which every model's pool and machine exist."""
    return next(at for at in placed(config) if at.model.name == name)
