"""How long simulated machines take to come, and simulated models to load."""

from elastic_vllm import catalog
from elastic_vllm.spec import LocalCluster, ModelSpec, NodePoolSpec
from elastic_vllm.vllm.startup import node_seconds, start_of


def boot_seconds(cluster: LocalCluster) -> int:
    """From asking for a node until it registers, in whole seconds as Karpenter's kwok provider wants them.

    The image's pull is part of it: on a new node a replica waits for both, and the simulation pulls nothing.
    """
    return round(node_seconds(cluster) / cluster.compression)


def load_seconds(cluster: LocalCluster, model: ModelSpec, pool: NodePoolSpec) -> int:
    """From a pod's start until its model answers, in whole seconds as Kubernetes' timestamps have them."""
    machine = catalog.machine_for(cluster.machines, pool.accelerator, pool.gpus_per_node, pool.chosen)
    return round(start_of(cluster, model, machine).load / cluster.compression)
