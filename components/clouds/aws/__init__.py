"""Amazon EKS, with GPU nodes by Karpenter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.clouds.aws import node_pool, placement
from components.clouds.aws.autoscaler import Karpenter, karpenter
from components.clouds.aws.cluster import Foundation, foundation
from components.clouds.base import ClusterAccess, Placement
from components.spec import AwsCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec

__all__ = ["AwsCloud"]


@dataclass
class AwsCloud:
    """The ``Cloud`` of ``{cloud: aws}``; remembers what it registered, because pools stand on it."""

    spec: AwsCluster
    _base: Foundation | None = field(default=None, init=False, repr=False)
    _karpenter: Karpenter | None = field(default=None, init=False, repr=False)

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> ClusterAccess:
        """See ``Cloud.cluster``."""
        self._base = foundation(name, self.spec, opts)
        return self._base.access

    def autoscaler(
        self,
        name: str,
        spec: NodeAutoscalingSpec,
        pools: Sequence[NodePoolSpec],
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Output[str]:
        """See ``Cloud.autoscaler``. Karpenter reads from each pool when to give nodes back."""
        del spec, pools
        self._karpenter = karpenter(name, self.spec, self._foundation(), opts)
        return self._karpenter.release

    def node_pool(
        self, name: str, pool: NodePoolSpec, autoscaling: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        """See ``Cloud.node_pool``."""
        if self._karpenter is None:
            raise RuntimeError("register the ClusterAutoscaler before its pools: they name what it registers")
        return node_pool.node_pool(
            name, self._foundation(), self._karpenter, pool, autoscaling=autoscaling, opts=opts
        )

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(model, pool)

    def _foundation(self) -> Foundation:
        if self._base is None:
            raise RuntimeError("register the Cluster first: everything else of it stands on that")
        return self._base
