"""How a pod gets onto the nodes of one pool of the embedded cluster."""

from collections.abc import Mapping
from dataclasses import replace

from elastic_vllm import labels
from elastic_vllm.clouds import gpu_node
from elastic_vllm.clouds.local.delays import load_seconds
from elastic_vllm.labels import DO_NOT_DISRUPT
from elastic_vllm.placement import Placement
from elastic_vllm.spec import LocalCluster, ModelSpec, NodePoolSpec

LOAD_SECONDS = f"{labels.PREFIX}/load-seconds"
"""On pods: whole seconds from start until Ready. The simulated kubelet obeys it."""


def placement(cluster: LocalCluster, pool: NodePoolSpec) -> Placement:
    """As on every cluster of Karpenter's; but there are no volumes, since no container writes to one."""
    return replace(gpu_node.placement(pool, cluster.machines), has_volumes=False)


def pod_annotations(cluster: LocalCluster, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
    """The simulated load time, and that Karpenter is to leave the pod alone for no longer."""
    loading = load_seconds(cluster, model, pool)
    return {LOAD_SECONDS: str(loading), DO_NOT_DISRUPT: f"{max(1, loading)}s"}
