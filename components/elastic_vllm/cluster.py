"""The cluster of a stack, its network and add-ons, and the provider that reaches it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes

from elastic_vllm.clouds.base import Cloud, ClusterOutputs, RegisteredCluster
from elastic_vllm.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """The cloud, which holds the cluster's own settings, and the models that will be served."""

    cloud: Cloud
    """From ``cloud_for(LocalCluster | AwsCluster | GcpCluster)``; several clusters may be given one."""
    models: Sequence[ModelSpec] = ()
    """Replicas of several nodes take a controller that no cluster has by itself."""


class Cluster(pulumi.ComponentResource):
    """A cluster. Components that take it use its provider, and are deleted before any part of it.

    A program of your own, without a stack file::

        cloud = cloud_for(AwsCluster(cloud="aws", region="eu-west-1"))
        cluster = Cluster("gpu", ClusterArgs(cloud=cloud))
        autoscaler = ClusterAutoscaler("nodes", ClusterAutoscalerArgs(cluster=cluster))
        l4 = NodePoolSpec(name="l4", accelerator="l4", max_nodes=4)
        pool = GpuNodePool("l4", GpuNodePoolArgs(autoscaler=autoscaler, pool=l4))
        ServingNamespace("space", ServingNamespaceArgs(namespace="inference"), cluster.dependent_opts)
    """

    provider: pulumi_kubernetes.Provider
    """The provider of every Kubernetes object of the stack."""
    outputs: ClusterOutputs
    """To export; empty for the embedded cluster."""
    addons: Sequence[pulumi.Resource]
    """Controllers on the cluster that workloads have to wait for."""
    dependent_opts: pulumi.ResourceOptions
    """For components that do not take the cluster by value: use its provider, wait for its add-ons."""
    cloud: Cloud
    registered: RegisteredCluster
    """The cloud's side of this cluster, through which the components that take it register."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("elastic-vllm:cluster:Cluster", name, None, opts)
        self.cloud = args.cloud
        self.registered = args.cloud.cluster(name, opts=pulumi.ResourceOptions(parent=self))
        self.provider = self.registered.access.provider
        self.outputs = self.registered.access.outputs
        self.addons = []
        if any(model.is_group for model in args.models):
            child = pulumi.ResourceOptions(parent=self, provider=self.provider)
            self.addons = self.registered.groups(f"{name}-groups", child)
        self.dependent_opts = pulumi.ResourceOptions(providers=[self.provider], depends_on=self.addons)
        self.register_outputs({**self.outputs})
