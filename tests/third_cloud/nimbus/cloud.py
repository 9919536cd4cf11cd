"""Nimbus's components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
from pulumi_kubernetes.apiextensions import CustomResource

from elastic_vllm import catalog
from elastic_vllm.clouds import gpu_node, groups, karpenter
from elastic_vllm.clouds.base import Accounts, Bucket, ClusterAccess, Placement
from elastic_vllm.clouds.nimbus.facts import NimbusCluster
from elastic_vllm.spec import ModelSpec, NodeAutoscalingSpec, NodePoolSpec

GROUP, KIND = "karpenter.nimbus.example", "NimbusNodeClass"


@dataclass(frozen=True)
class NimbusCloud:
    """The ``Cloud`` of ``{cloud: nimbus}``."""

    spec: NimbusCluster

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> ClusterAccess:
        """See ``Cloud.cluster``."""
        provider = pulumi_kubernetes.Provider(f"{name}-provider", context=self.spec.context, opts=opts)
        return ClusterAccess(provider=provider)

    def autoscaler(
        self,
        name: str,
        spec: NodeAutoscalingSpec,
        pools: Sequence[NodePoolSpec],
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Output[str]:
        """See ``Cloud.autoscaler``."""
        del spec, pools
        metadata = {"name": "nimbus"}
        return CustomResource(
            f"{name}-node-class", api_version=f"{GROUP}/v1", kind=KIND, metadata=metadata, opts=opts
        ).id

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """See ``Cloud.groups``."""
        return [groups.controller(name, opts)]

    def node_pool(
        self, name: str, pool: NodePoolSpec, autoscaling: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        """See ``Cloud.node_pool``."""
        machine = catalog.machine_for("nimbus", pool.accelerator, pool.gpus_per_node, pool.machine)
        ref = karpenter.NodeClassRef(group=GROUP, kind=KIND, name="nimbus")
        return karpenter.register(name, pool, autoscaling, machine, ref, opts=opts)

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        """See ``Cloud.weights``. Pods bring their own."""
        del name, accounts, opts
        return None

    def placement(self, pool: NodePoolSpec) -> Placement:
        """See ``Cloud.placement``."""
        return gpu_node.placement(pool, "nimbus")

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """See ``Cloud.pod_annotations``."""
        del model, pool
        return {}
