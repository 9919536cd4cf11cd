"""Names that point at each other and at the catalogue."""

from collections.abc import Iterator

from components.catalog import CatalogueError, machine_for
from stacks.finding import Finding
from stacks.stack import StackConfig


def names_are_unique(config: StackConfig) -> Iterator[Finding]:
    """Two pools or two models of one name would be one Kubernetes object."""
    for section, names in (
        ("pools", [pool.name for pool in config.pools]),
        ("models", [model.name for model in config.models]),
    ):
        for index, name in enumerate(names):
            earlier = names.index(name)
            if earlier != index:
                yield Finding(
                    id="duplicate-name",
                    severity="error",
                    key=f"{section}[{index}].name",
                    message=f"{name!r} is the name of {section}[{earlier}] already; give each its own",
                    subject=name,
                )


def models_are_on_declared_pools(config: StackConfig) -> Iterator[Finding]:
    """A model on a pool that is not there would stay Pending."""
    pools = [pool.name for pool in config.pools]
    for index, model in enumerate(config.models):
        if model.pool not in pools:
            yield Finding(
                id="missing-pool",
                severity="error",
                key=f"models[{index}].pool",
                message=f"there is no pool {model.pool!r}; the pools are: {', '.join(pools)}",
                subject=model.name,
            )


def machines_exist(config: StackConfig) -> Iterator[Finding]:
    """Each pool's GPUs come on some machine of the cloud, and on the one that is named."""
    cloud = config.cluster.catalogue
    for index, pool in enumerate(config.pools):
        try:
            machine_for(cloud, pool.accelerator, pool.gpus_per_node, pool.machine)
        except CatalogueError as problem:
            yield Finding(
                id="no-machine",
                severity="error",
                key=f"pools[{index}].{_key_at_fault(config, index)}",
                message=str(problem),
                subject=pool.name,
            )


def _key_at_fault(config: StackConfig, index: int) -> str:
    pool = config.pools[index]
    if pool.machine is not None:
        return "machine"
    for gpus in (1, 2, 4, 8):
        try:
            machine_for(config.cluster.catalogue, pool.accelerator, gpus)
        except CatalogueError:
            continue
        return "gpusPerNode"
    return "accelerator"
