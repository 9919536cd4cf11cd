"""Do the replicas of all models fit the pools they share, and can the pools have their machines?"""

from collections.abc import Iterator

from elastic_vllm.estimate.cost import node_price
from elastic_vllm.estimate.packing import nodes_for
from elastic_vllm.estimate.quotas import of_pool
from elastic_vllm.rules.groups import most, names, spread
from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding, kind

MIN_EXCEEDS_POOL = kind("min-exceeds-pool")
HEADROOM_EXCEEDS_POOL = kind("headroom-exceeds-pool")
MAX_EXCEEDS_POOL = kind("max-exceeds-pool")
STRANDED_GPUS = kind("stranded-gpus")
QUOTA = kind("quota-at-max")


def least_replicas_fit_the_pool(view: View) -> Iterator[Finding]:
    """Replicas that are always wanted, on a pool too small for them: some stay Pending."""
    for key, pool, machine in view.pools:
        sharing = view.on(pool)
        alone = [at for at in sharing if nodes_for([(at, at.model.replicas.min)]) > pool.max_nodes]
        for at in alone:
            yield MIN_EXCEEDS_POOL.at(
                f"{at.key}.replicas.min",
                f"{at.model.replicas.min} replicas{spread(at)}, but pool {pool.name} holds "
                f"{most(at)} ({pool.max_nodes} nodes of {machine.name}); lower "
                "it, or raise the pool's maxNodes",
                at.model.name,
            )
        wanted = sum(at.model.replicas.min * at.model.gpus_per_replica for at in sharing)
        gpus = pool.max_nodes * pool.gpus_per_node
        if not alone and wanted > gpus:
            yield MIN_EXCEEDS_POOL.at(
                f"{key}.maxNodes",
                f"{gpus} GPUs at most, but min replicas of {names(sharing)} take {wanted}; raise it, "
                "or lower a replicas.min",
                pool.name,
            )


def headroom_fits_beside_the_least_replicas(view: View) -> Iterator[Finding]:
    """Warm places beyond what the pool can hold beside min replicas."""
    for key, pool, _ in view.pools:
        sharing = view.on(pool)
        least = nodes_for([(at, at.model.replicas.min) for at in sharing])
        warm = nodes_for([(at, at.model.replicas.min + at.model.headroom) for at in sharing])
        if least <= pool.max_nodes < warm:
            yield HEADROOM_EXCEEDS_POOL.at(
                f"{key}.maxNodes",
                f"{pool.max_nodes} nodes at most, but min replicas and the headroom of "
                f"{names(sharing)} take {warm}; raise it, or lower a headroom",
                pool.name,
            )


def most_replicas_fit_the_pool(view: View) -> Iterator[Finding]:
    """Replicas that the autoscaler may want and the pool cannot carry. Often meant as a shared ceiling."""
    for key, pool, _ in view.pools:
        sharing = view.on(pool)
        if any(at.model.is_group for at in sharing):  # too little room for groups is an error
            continue
        wanted = nodes_for([(at, at.model.replicas.max) for at in sharing])
        least = nodes_for([(at, at.model.replicas.min) for at in sharing])
        if least <= pool.max_nodes < wanted:  # more at least is an error of its own
            yield MAX_EXCEEDS_POOL.at(
                f"{key}.maxNodes",
                f"{pool.max_nodes} nodes at most, but {names(sharing)} may want {wanted} at once; the rest "
                "stay Pending under full load",
                pool.name,
            )


def every_gpu_of_a_node_can_be_used(view: View) -> Iterator[Finding]:
    """Judged where one model has the pool for itself; sharing models may fill each other's gaps."""
    for key, pool, machine in view.pools:
        sharing = view.on(pool)
        if len(sharing) != 1:
            continue
        (at,) = sharing
        used = at.replicas_per_node * at.model.gpus_per_node
        if used < machine.gpus:
            rate = (node_price(view.config, pool, machine) or 0) * (1 - used / machine.gpus)
            yield STRANDED_GPUS.at(
                f"{key}.gpusPerNode",
                f"{machine.gpus - used} of {machine.gpus} GPUs of each {machine.name} stay idle, {rate:.2f} "
                f"USD an hour: {at.replicas_per_node} replicas of {at.model.name} fill its CPU, memory or "
                "GPUs; lower the model's resources, or take a machine with fewer GPUs",
                pool.name,
            )


def quota_covers_full_load(view: View) -> Iterator[Finding]:
    """What to ask the cloud for, as ``fleet quotas`` counts it. Nothing where nodes are simulated."""
    region = view.config.cluster.bill().region
    for key, pool, machine in view.pools:
        needed = [f"{each.title}, {each.needed:,} {each.unit}" for each in of_pool(view.config, pool)]
        if needed:
            yield QUOTA.at(
                f"{key}.maxNodes",
                f"{pool.max_nodes} x {machine.name} in {region} need quota: {'; '.join(needed)}; have that "
                "much, beside what else runs there (`fleet quotas` adds up the stack)",
                pool.name,
            )
