"""Do the replicas of all models fit the pools they share?"""

from collections import defaultdict
from collections.abc import Iterator
from math import ceil

from stacks.checks.placement import Placed, machine_of, placed
from stacks.finding import Finding
from stacks.stack import StackConfig


def least_replicas_fit_the_pool(config: StackConfig) -> Iterator[Finding]:
    """Replicas that are always wanted, on a pool too small for them: some stay Pending for ever."""
    for sharing in _by_pool(config):
        pool, key = sharing[0].pool, sharing[0].pool_key
        alone = [at for at in sharing if ceil(at.model.replicas.min / at.replicas_per_node) > pool.max_nodes]
        for at in alone:
            yield Finding(
                id="min-exceeds-pool",
                severity="error",
                key=f"{at.key}.replicas.min",
                message=f"{at.model.replicas.min} replicas, but pool {pool.name} holds {_most(at)} "
                f"({pool.max_nodes} nodes of {at.machine.name}); lower it, or raise the pool's maxNodes",
                subject=at.model.name,
            )
        wanted = sum(at.model.replicas.min * at.model.gpus_per_replica for at in sharing)
        if not alone and wanted > _gpus(sharing[0]):
            yield Finding(
                id="min-exceeds-pool",
                severity="error",
                key=f"{key}.maxNodes",
                message=f"{_gpus(sharing[0])} GPUs at most, but the least replicas of {_names(sharing)} "
                f"take {wanted}; raise it, or lower a replicas.min",
                subject=pool.name,
            )


def most_replicas_fit_the_pool(config: StackConfig) -> Iterator[Finding]:
    """Replicas that the autoscaler may want and the pool cannot carry. Often meant as a shared ceiling."""
    for sharing in _by_pool(config):
        pool, key = sharing[0].pool, sharing[0].pool_key
        wanted = sum(ceil(at.model.replicas.max / at.replicas_per_node) for at in sharing)
        if wanted > pool.max_nodes:
            yield Finding(
                id="max-exceeds-pool",
                severity="warning",
                key=f"{key}.maxNodes",
                message=f"{pool.max_nodes} nodes at most, but {_names(sharing)} may want {wanted} at once; "
                "the rest stay Pending under full load",
                subject=pool.name,
            )


def machines_can_be_had_on_demand(config: StackConfig) -> Iterator[Finding]:
    """Machines that a cloud sells as Spot, flex-start or reservation only."""
    for index, pool in enumerate(config.pools):
        machine = machine_of(config, pool)
        if machine and pool.capacity == "on-demand" and not machine.on_demand:
            yield Finding(
                id="not-on-demand",
                severity="warning",
                key=f"pools[{index}].capacity",
                message=f"{machine.name} is sold as Spot, flex-start or reservation only, by our source; "
                "set spot, or make sure of a reservation",
                subject=pool.name,
            )


def _by_pool(config: StackConfig) -> Iterator[list[Placed]]:
    """Models that share a pool and fit its nodes; those that do not are reported by ``fit``."""
    sharing: dict[str, list[Placed]] = defaultdict(list)
    for at in placed(config):
        if at.replicas_per_node > 0:
            sharing[at.pool.name].append(at)
    yield from sharing.values()


def _names(sharing: list[Placed]) -> str:
    return ", ".join(at.model.name for at in sharing)


def _gpus(at: Placed) -> int:
    return at.pool.max_nodes * at.pool.gpus_per_node


def _most(at: Placed) -> int:
    return at.pool.max_nodes * at.replicas_per_node
