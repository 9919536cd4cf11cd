"""How long simulated machines take to come, and simulated models to load."""

from components import catalog
from components.spec import LocalCluster, ModelSpec, NodePoolSpec


def boot_seconds(cluster: LocalCluster) -> int:
    """From asking for a node until it registers, in whole seconds as Karpenter's kwok provider wants them.

    The image's pull is part of it: on a new node a replica waits for both, and the simulation pulls nothing.
    """
    real = catalog.boot_seconds(cluster.machines) + catalog.image_pull_seconds(cluster.machines)
    return round(real / cluster.compression)


def load_seconds(cluster: LocalCluster, model: ModelSpec, pool: NodePoolSpec) -> int:
    """From a pod's start until its model answers, in whole seconds as Kubernetes' timestamps have them."""
    real = catalog.load_seconds(model.checkpoint, pool.accelerator, model.gpus_per_replica)
    return round(real / cluster.compression)
