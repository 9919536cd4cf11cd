"""Replicas of several nodes: a group holds all of its nodes or answers nothing."""

from collections.abc import Iterator, Sequence

from elastic_vllm.estimate.packing import nodes_for
from elastic_vllm.estimate.placement import Placed
from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding, kind

GROUP_SHARES_POOL = kind("group-shares-pool")
GROUP_EXCEEDS_POOL = kind("group-exceeds-pool")
GROUP_FITS_NODE = kind("group-fits-one-node")


def groups_have_room_for_their_last_node(view: View) -> Iterator[Finding]:
    """A pool that has room for every group places groups whole, without a scheduler that knows of them."""
    for _, pool, _ in view.pools:
        sharing = view.on(pool)
        for at in (at for at in sharing if at.model.is_group):
            others = names([other for other in sharing if other is not at])
            if others:
                yield GROUP_SHARES_POOL.at(
                    f"{at.key}.pool",
                    f"a replica takes {at.model.nodes_per_replica} nodes of pool {pool.name}, and {others} "
                    "may leave it half of them; give it a pool of its own",
                    at.model.name,
                )
            elif nodes_for([(at, at.model.replicas.max)]) > pool.max_nodes:
                yield GROUP_EXCEEDS_POOL.at(
                    f"{at.key}.replicas.max",
                    f"{at.model.replicas.max} replicas of {at.model.nodes_per_replica} nodes, but pool "
                    f"{pool.name} has {pool.max_nodes} nodes, for {most(at)}: half a replica would hold "
                    "GPUs for nothing; lower it, or raise the pool's maxNodes",
                    at.model.name,
                )


def groups_need_their_nodes(view: View) -> Iterator[Finding]:
    """Several nodes are for what no single one holds."""
    for at in (at for at in view.placed if at.model.is_group):
        if at.model.gpus_per_replica <= at.machine.gpus:
            yield GROUP_FITS_NODE.at(
                f"{at.key}.nodesPerReplica",
                f"{at.model.nodes_per_replica} nodes for {at.model.gpus_per_replica} GPUs, but one "
                f"{at.machine.name} of pool {at.pool.name} has {at.machine.gpus}; make it 1, with the "
                "CPU and memory of all its parts",
                at.model.name,
            )


def most(at: Placed) -> int:
    """Whole replicas that the pool holds of this model alone."""
    return at.pool.max_nodes * at.replicas_per_node // at.model.nodes_per_replica


def names(sharing: Sequence[Placed]) -> str:
    """Models, for a message."""
    return ", ".join(at.model.name for at in sharing)


def spread(at: Placed) -> str:
    """How many nodes a replica takes, where that is more than one."""
    return f" of {at.model.nodes_per_replica} nodes each" if at.model.is_group else ""
