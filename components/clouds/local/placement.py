"""How a pod gets onto the nodes of one pool of the embedded cluster."""

from collections.abc import Mapping

from components import labels
from components.clouds import gpu_node
from components.clouds.base import Placement
from components.clouds.local.delays import load_seconds
from components.spec import LocalCluster, ModelSpec, NodePoolSpec

LOAD_SECONDS = f"{labels.PREFIX}/load-seconds"
"""On pods: whole seconds from start until Ready. The simulated kubelet obeys it."""


def placement(pool: NodePoolSpec) -> Placement:
    """As on every cluster of Karpenter's."""
    return gpu_node.placement(pool)


def pod_annotations(cluster: LocalCluster, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
    """The simulated load time."""
    return {LOAD_SECONDS: str(load_seconds(cluster, model, pool))}
