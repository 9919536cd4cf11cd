"""How a pod gets onto the nodes of one pool, and what GKE's autoscaler reads on it."""

from collections.abc import Mapping

from components import catalog, labels
from components.clouds.base import Placement
from components.spec import ModelSpec, NodePoolSpec

GPU_RESOURCE = "nvidia.com/gpu"
GPU_TAINT_VALUE = "present"
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def placement(pool: NodePoolSpec) -> Placement:
    """The pool's own nodes, Spot or not, and the taint that keeps everything else off them.

    GKE adds the toleration to pods that ask for GPUs; it is written out all the same.
    """
    machine = catalog.machine_for("gcp", pool.accelerator, pool.gpus_per_node, pool.machine)
    return Placement(
        accelerator=pool.accelerator,
        node_selector={labels.POOL: pool.name},
        tolerations=({"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"},),
        gpu_resource=GPU_RESOURCE,
        most_gpus=pool.max_nodes * pool.gpus_per_node,
        network_mbps=machine.network_mbps,
    )


def node_labels(pool: NodePoolSpec) -> Mapping[str, str]:
    """The labels of the pool's nodes, known to the autoscaler before there is a node."""
    return {labels.ACCELERATOR: pool.accelerator, labels.POOL: pool.name}


def pod_annotations(model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
    """The autoscaler takes away empty nodes alone: it never moves a replica that loads or answers."""
    del model, pool
    return {SAFE_TO_EVICT: "false"}
