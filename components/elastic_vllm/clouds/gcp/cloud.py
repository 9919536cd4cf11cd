"""Google Kubernetes Engine: a private cluster, a node pool for each GPU pool, and GKE's own autoscaler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from elastic_vllm.clouds import groups
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess
from elastic_vllm.clouds.gcp import autoscaler, cluster, network, node_pool, placement, rules, weights
from elastic_vllm.clouds.gcp.cluster import GkeContext
from elastic_vllm.placement import Placement
from elastic_vllm.spec import GcpCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import refuse

__all__ = ["GcpCloud"]


@dataclass(frozen=True)
class GcpCloud:
    """The ``Cloud`` of ``{cloud: gcp}``; each method is one file of this folder."""

    spec: GcpCluster

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> _GkeCluster:
        """See ``Cloud.cluster``."""
        context = cluster.context(name, self.spec, opts)
        return _GkeCluster(context=context, access=cluster.access(name, context, opts))

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(model, pool)


@dataclass(frozen=True, kw_only=True)
class _GkeCluster:
    """The ``RegisteredCluster`` of GKE."""

    context: GkeContext
    access: ClusterAccess

    def autoscaler(
        self, name: str, spec: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> _GkeAutoscaler:
        """GKE has its own: there is nothing to register."""
        del name, opts
        refuse(rules.of_autoscaler(spec))
        return _GkeAutoscaler(context=self.context, node_class=autoscaler.autoscaler())

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        vpc = self.context.network
        if vpc is None or not self.context.spec.makes_network:
            return [groups.controller(name, opts)]
        google = pulumi.ResourceOptions(parent=opts.parent, provider=self.context.provider)
        opened = network.webhook(f"{name}-webhook", self.context.spec, vpc, google)
        after = pulumi.ResourceOptions(depends_on=[opened])
        return [groups.controller(name, pulumi.ResourceOptions.merge(opts, after))]

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        return weights.bucket(name, self.context, accounts, opts)


@dataclass(frozen=True, kw_only=True)
class _GkeAutoscaler:
    """The ``RegisteredAutoscaler`` of GKE, which reads its settings from the cluster."""

    context: GkeContext
    node_class: pulumi.Output[str]

    def node_pool(self, name: str, pool: NodePoolSpec, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        refuse(rules.of_pool("pool", self.context.spec, pool, name))
        return node_pool.node_pool(name, self.context, pool, opts)
