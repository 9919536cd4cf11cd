"""How a pod gets onto the nodes of one pool of an EKS cluster, and what its autoscaler reads on it."""

from collections.abc import Mapping

from elastic_vllm.clouds import gpu_node
from elastic_vllm.placement import Placement
from elastic_vllm.spec import AwsCluster, ModelSpec, NodePoolSpec

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def placement(pool: NodePoolSpec) -> Placement:
    """As on every cluster whose nodes are marked alike."""
    return gpu_node.placement(pool, "aws")


def pod_annotations(cluster: AwsCluster, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
    """None for Karpenter, which reads what all pods of models carry; cluster-autoscaler moves no replica."""
    del model, pool
    return {SAFE_TO_EVICT: "false"} if cluster.node_autoscaler == "cluster-autoscaler" else {}
