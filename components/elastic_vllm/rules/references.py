"""Names that point at each other, at the catalogue, and at what the cloud would refuse."""

from collections.abc import Iterator

from elastic_vllm.catalog import CatalogueError, machine_for
from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding, kind
from elastic_vllm.spec.stack import StackConfig

DUPLICATE_NAME = kind("duplicate-name")
MISSING_POOL = kind("missing-pool")
NO_MACHINE = kind("no-machine")


def names_are_unique(view: View) -> Iterator[Finding]:
    """Two pools or two models of one name would be one Kubernetes object."""
    for section, names in (
        ("pools", [pool.name for pool in view.config.pools]),
        ("models", [model.name for model in view.config.models]),
    ):
        first: dict[str, int] = {}
        for index, name in enumerate(names):
            earlier = first.setdefault(name, index)
            if earlier != index:
                message = f"{name!r} is the name of {section}[{earlier}] already; give each its own"
                yield DUPLICATE_NAME.at(f"{section}[{index}].name", message, name)
    yield from _placeholders(view)


def _placeholders(view: View) -> Iterator[Finding]:
    """A model called as another's placeholders would be the same Deployment."""
    models = view.config.models
    taken = {f"{model.name}-headroom": model.name for model in models if model.headroom}
    for index, model in enumerate(models):
        if model.name in taken:
            message = f"{model.name!r} is the name of the placeholders of {taken[model.name]}; choose another"
            yield DUPLICATE_NAME.at(f"models[{index}].name", message, model.name)


def models_are_on_declared_pools(view: View) -> Iterator[Finding]:
    """A model on a pool that is not there would stay Pending."""
    pools = [pool.name for pool in view.config.pools]
    for index, model in enumerate(view.config.models):
        if model.pool not in pools:
            message = f"there is no pool {model.pool!r}; the pools are: {', '.join(pools)}"
            yield MISSING_POOL.at(f"models[{index}].pool", message, model.name)


def machines_exist(view: View) -> Iterator[Finding]:
    """Each pool's GPUs come on some machine of the cloud, and on the one that is named."""
    cloud = view.config.cluster.catalogue
    for index, pool in enumerate(view.config.pools):
        try:
            machine_for(cloud, pool.accelerator, pool.gpus_per_node, pool.chosen)
        except CatalogueError as problem:
            key = f"pools[{index}].{_key_at_fault(view.config, index)}"
            yield NO_MACHINE.at(key, str(problem), pool.name)


def _key_at_fault(config: StackConfig, index: int) -> str:
    pool = config.pools[index]
    if pool.chosen is not None:
        return pool.machine_key
    for gpus in (1, 2, 4, 8):
        try:
            machine_for(config.cluster.catalogue, pool.accelerator, gpus)
        except CatalogueError:
            continue
        return "gpusPerNode"
    return "accelerator"


def the_cloud_takes_the_stack(view: View) -> Iterator[Finding]:
    """What the cloud would refuse while resources are made."""
    yield from view.config.cluster.check(view.config)
