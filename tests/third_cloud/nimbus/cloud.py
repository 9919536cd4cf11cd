"""Nimbus's components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
from pulumi_kubernetes.apiextensions import CustomResource

from elastic_vllm import catalog
from elastic_vllm.clouds import gpu_node, groups, karpenter
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess
from elastic_vllm.clouds.nimbus.facts import NimbusCluster
from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec, NodeAutoscalingSpec, NodePoolSpec

GROUP, KIND = "karpenter.nimbus.example", "NimbusNodeClass"


@dataclass(frozen=True)
class NimbusCloud:
    """The ``Cloud`` of ``{cloud: nimbus}``."""

    spec: NimbusCluster

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> "_Cluster":
        """See ``Cloud.cluster``."""
        provider = pulumi_kubernetes.Provider(f"{name}-provider", context=self.spec.context, opts=opts)
        return _Cluster(access=ClusterAccess(provider=provider))

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return gpu_node.placement(pool, "nimbus")

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        del model, pool
        return {}


@dataclass(frozen=True, kw_only=True)
class _Cluster:
    """The ``RegisteredCluster`` of Nimbus."""

    access: ClusterAccess

    def autoscaler(self, name: str, spec: NodeAutoscalingSpec, opts: pulumi.ResourceOptions) -> "_Autoscaler":
        """See ``RegisteredCluster.autoscaler``."""
        made = CustomResource(
            f"{name}-node-class", api_version=f"{GROUP}/v1", kind=KIND, metadata={"name": "nimbus"}, opts=opts
        )
        return _Autoscaler(spec=spec, node_class=made.id)

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """See ``RegisteredCluster.groups``."""
        return [groups.controller(name, opts)]

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        """See ``RegisteredCluster.weights``. Pods bring their own."""
        del name, accounts, opts
        return None


@dataclass(frozen=True, kw_only=True)
class _Autoscaler:
    """The ``RegisteredAutoscaler`` of Nimbus."""

    spec: NodeAutoscalingSpec
    node_class: pulumi.Output[str]

    def node_pool(self, name: str, pool: NodePoolSpec, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """See ``RegisteredAutoscaler.node_pool``."""
        machine = catalog.machine_for("nimbus", pool.accelerator, pool.gpus_per_node, pool.machine)
        ref = karpenter.NodeClassRef(group=GROUP, kind=KIND, name="nimbus")
        return karpenter.register(name, pool, self.spec, machine, ref, opts=opts)
