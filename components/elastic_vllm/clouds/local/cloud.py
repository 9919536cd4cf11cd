"""The embedded cluster: a real control plane and a real Karpenter on this machine, simulated machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess
from elastic_vllm.clouds.local import autoscaler, cluster, node_pool, placement, weights
from elastic_vllm.placement import Placement
from elastic_vllm.spec import LocalCluster, ModelSpec, NodeAutoscalingSpec, NodePoolSpec

__all__ = ["LocalCloud"]


@dataclass(frozen=True)
class LocalCloud:
    """The ``Cloud`` of ``{cloud: local}``; each method is one file of this folder."""

    spec: LocalCluster

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> _EmbeddedCluster:
        """See ``Cloud.cluster``. Only the provider: ``fleet cluster up`` starts the rest."""
        return _EmbeddedCluster(spec=self.spec, access=cluster.access(name, opts))

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return placement.placement(self.spec, pool)

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        return placement.pod_annotations(self.spec, model, pool)


@dataclass(frozen=True, kw_only=True)
class _EmbeddedCluster:
    """The ``RegisteredCluster`` of the embedded cluster."""

    spec: LocalCluster
    access: ClusterAccess

    def autoscaler(
        self, name: str, spec: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> _EmbeddedAutoscaler:
        """Karpenter reads from each pool when to give nodes back."""
        node_class = autoscaler.node_class(name, self.spec, opts)
        return _EmbeddedAutoscaler(cluster=self.spec, spec=spec, node_class=node_class)

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """``fleet cluster up`` starts the controller."""
        del name, opts
        return []

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        del name, accounts, opts
        return weights.bucket()


@dataclass(frozen=True, kw_only=True)
class _EmbeddedAutoscaler:
    """The ``RegisteredAutoscaler`` of the embedded cluster."""

    cluster: LocalCluster
    spec: NodeAutoscalingSpec
    node_class: pulumi.Output[str]

    def node_pool(self, name: str, pool: NodePoolSpec, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        return node_pool.node_pool(name, self.cluster, pool, self.spec, opts)
