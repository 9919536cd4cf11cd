"""The embedded cluster: a real control plane and a real Karpenter on this machine, simulated machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess, Placement
from elastic_vllm.clouds.local import autoscaler, cluster, node_pool, placement, weights
from elastic_vllm.spec import LocalCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec

__all__ = ["LocalCloud"]


@dataclass(frozen=True)
class LocalCloud:
    """The ``Cloud`` of ``{cloud: local}``; each method is one file of this folder."""

    spec: LocalCluster

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> ClusterAccess:
        """See ``Cloud.cluster``. Only the provider: ``fleet cluster up`` starts the rest."""
        return cluster.access(name, opts)

    def autoscaler(
        self,
        name: str,
        spec: NodeAutoscalingSpec,
        pools: Sequence[NodePoolSpec],
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Output[str]:
        """See ``Cloud.autoscaler``. Karpenter reads from each pool when to give nodes back."""
        del spec, pools
        return autoscaler.node_class(name, self.spec, opts)

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """See ``Cloud.groups``. ``fleet cluster up`` starts the controller."""
        del name, opts
        return []

    def node_pool(
        self, name: str, pool: NodePoolSpec, autoscaling: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        """See ``Cloud.node_pool``."""
        return node_pool.node_pool(name, self.spec, pool, autoscaling, opts)

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        """See ``Cloud.weights``."""
        del name, accounts, opts
        return weights.bucket()

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(self.spec, pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(self.spec, model, pool)
