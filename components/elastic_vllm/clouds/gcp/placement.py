"""How a pod gets onto the nodes of one pool, and what GKE's autoscaler reads on it."""

from collections.abc import Mapping

from elastic_vllm import labels
from elastic_vllm.clouds import gpu_node
from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec, NodePoolSpec

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def placement(pool: NodePoolSpec) -> Placement:
    """The pool's own nodes, Spot or not, and the taint that keeps everything else off them.

    GKE adds the toleration to pods that ask for GPUs; it is written out all the same.
    """
    return gpu_node.placement(pool, "gcp")


def node_labels(pool: NodePoolSpec) -> Mapping[str, str]:
    """The labels of the pool's nodes, known to the autoscaler before there is a node."""
    return {labels.ACCELERATOR: pool.accelerator, labels.POOL: pool.name}


def pod_annotations(model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
    """The autoscaler takes away empty nodes alone: it never moves a replica that loads or answers."""
    del model, pool
    return {SAFE_TO_EVICT: "false"}
