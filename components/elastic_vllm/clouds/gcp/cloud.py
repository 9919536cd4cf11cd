"""Google Kubernetes Engine: a private cluster, a node pool for each GPU pool, and GKE's own autoscaler."""

from collections.abc import Mapping, Sequence

import pulumi

from elastic_vllm.clouds import groups
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess, Placement
from elastic_vllm.clouds.gcp import autoscaler, cluster, node_pool, placement, weights
from elastic_vllm.clouds.gcp.cluster import Gke
from elastic_vllm.spec import GcpCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec

__all__ = ["GcpCloud"]


class GcpCloud:
    """The ``Cloud`` of ``{cloud: gcp}``; each method is one file of this folder."""

    def __init__(self, spec: GcpCluster) -> None:
        self._spec = spec
        self._gke: Gke | None = None

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> ClusterAccess:
        """See ``Cloud.cluster``. Node pools need it: register it before them."""
        self._gke = cluster.gke(name, self._spec, opts)
        provider, kubeconfig = cluster.kubernetes_provider(name, self._gke, opts)
        outputs: dict[str, pulumi.Input[str]] = {
            "endpoint": self._gke.control_plane.endpoint,
            "kubeconfig": kubeconfig,
            "location": self._gke.location,
            "name": self._gke.name,
        }
        return ClusterAccess(provider=provider, outputs=outputs)

    def autoscaler(
        self,
        name: str,
        spec: NodeAutoscalingSpec,
        pools: Sequence[NodePoolSpec],
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Output[str]:
        """See ``Cloud.autoscaler``. GKE has its own: there is nothing to register."""
        del name, pools, opts
        return autoscaler.autoscaler(spec)

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """See ``Cloud.groups``."""
        return [groups.controller(name, opts)]

    def node_pool(
        self, name: str, pool: NodePoolSpec, autoscaling: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        """See ``Cloud.node_pool``. GKE reads its autoscaler's settings from the cluster."""
        del autoscaling
        if self._gke is None:
            raise RuntimeError(f"pool {pool.name} has no cluster yet: register the cluster first")
        return node_pool.node_pool(name, self._gke, pool, opts)

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        """See ``Cloud.weights``."""
        if self._gke is None:
            raise RuntimeError("the weights have no cluster yet: register the cluster first")
        return weights.bucket(name, self._spec, self._gke, accounts, opts)

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(model, pool)
