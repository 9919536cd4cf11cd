"""Amazon EKS, with GPU nodes by Karpenter or by managed node groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from elastic_vllm.clouds import groups
from elastic_vllm.clouds.aws import cluster, node_group, node_pool, placement, rules, weights
from elastic_vllm.clouds.aws.autoscaler import Karpenter, karpenter, of_the_cluster
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.clouds.aws.cluster_autoscaler import ManagedGroups, managed_groups
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess
from elastic_vllm.placement import Placement
from elastic_vllm.spec import AwsCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import refuse

__all__ = ["AwsCloud"]


@dataclass(frozen=True)
class AwsCloud:
    """The ``Cloud`` of ``{cloud: aws}``."""

    spec: AwsCluster

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> _EksCluster:
        """See ``Cloud.cluster``."""
        context = cluster.context(name, self.spec, opts)
        return _EksCluster(context=context, access=cluster.access(name, context, opts))

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(self.spec, model, pool)


@dataclass(frozen=True, kw_only=True)
class _EksCluster:
    """The ``RegisteredCluster`` of EKS."""

    context: EksContext
    access: ClusterAccess

    def autoscaler(
        self, name: str, spec: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> _EksAutoscaler:
        """Karpenter reads from each pool when to give nodes back."""
        context = self.context
        refuse(rules.of_autoscaler(context.spec, spec))
        if isinstance(context.autoscaler, str):
            nodes: Karpenter | ManagedGroups = of_the_cluster(context.autoscaler)
        elif context.spec.node_autoscaler == "karpenter":
            nodes = karpenter(name, context, context.autoscaler, opts)
        else:
            nodes = managed_groups(name, spec, context, context.autoscaler, opts)
        return _EksAutoscaler(context=context, spec=spec, nodes=nodes)

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        return [groups.controller(name, opts, self.context.spec.mirrors)]

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        return weights.bucket(name, self.context, accounts, opts)


@dataclass(frozen=True, kw_only=True)
class _EksAutoscaler:
    """The ``RegisteredAutoscaler`` of EKS: Karpenter, or cluster-autoscaler with managed node groups."""

    context: EksContext
    spec: NodeAutoscalingSpec
    nodes: Karpenter | ManagedGroups

    @property
    def node_class(self) -> pulumi.Output[str]:
        return self.nodes.release

    def node_pool(self, name: str, pool: NodePoolSpec, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        refuse(rules.of_pool("pool", self.context.spec, pool))
        match self.nodes:
            case Karpenter():
                return node_pool.node_pool(
                    name, self.context, self.nodes, pool, autoscaling=self.spec, opts=opts
                )
            case ManagedGroups():
                return node_group.node_group(name, self.context, self.nodes, pool, opts)
