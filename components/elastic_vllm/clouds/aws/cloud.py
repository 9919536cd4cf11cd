"""Amazon EKS, with GPU nodes by Karpenter or by managed node groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from elastic_vllm.clouds import groups
from elastic_vllm.clouds.aws import node_group, node_pool, placement, purchase, weights
from elastic_vllm.clouds.aws.autoscaler import Karpenter, karpenter
from elastic_vllm.clouds.aws.cluster import Foundation, foundation
from elastic_vllm.clouds.aws.cluster_autoscaler import ManagedGroups, managed_groups
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess, Placement
from elastic_vllm.spec import AwsCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec

__all__ = ["AwsCloud"]


@dataclass
class AwsCloud:
    """The ``Cloud`` of ``{cloud: aws}``; remembers what it registered, because pools stand on it."""

    spec: AwsCluster
    _base: Foundation | None = field(default=None, init=False, repr=False)
    _nodes: Karpenter | ManagedGroups | None = field(default=None, init=False, repr=False)

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
        del pools
        if self.spec.node_autoscaler == "karpenter":
            self._nodes = karpenter(name, self.spec, self._foundation(), opts)
        else:
            self._nodes = managed_groups(name, spec, self._foundation(), opts)
        return self._nodes.release

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """See ``Cloud.groups``."""
        return [groups.controller(name, opts)]

    def node_pool(
        self, name: str, pool: NodePoolSpec, autoscaling: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        """See ``Cloud.node_pool``."""
        purchase.check(self.spec, pool)
        if self._nodes is None:
            raise RuntimeError("register the ClusterAutoscaler before its pools: they name what it registers")
        base = self._foundation()
        match self._nodes:
            case Karpenter():
                return node_pool.node_pool(name, base, self._nodes, pool, autoscaling=autoscaling, opts=opts)
            case ManagedGroups():
                return node_group.node_group(name, base, self._nodes, pool, opts)

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        """See ``Cloud.weights``."""
        return weights.bucket(name, self.spec, self._foundation(), accounts, opts)

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(self.spec, model, pool)

    def _foundation(self) -> Foundation:
        if self._base is None:
            raise RuntimeError("register the Cluster first: everything else of it stands on that")
        return self._base
