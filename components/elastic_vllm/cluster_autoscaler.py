"""The node autoscaler: adds nodes for pending pods, removes empty ones; one per cluster."""

from dataclasses import dataclass, field

import pulumi

from elastic_vllm.clouds.base import RegisteredAutoscaler
from elastic_vllm.cluster import Cluster
from elastic_vllm.spec import NodeAutoscalingSpec


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """The cluster to scale, and when its nodes are given back."""

    cluster: Cluster
    spec: NodeAutoscalingSpec = field(default_factory=NodeAutoscalingSpec)


class ClusterAutoscaler(pulumi.ComponentResource):
    """The node autoscaler of a cluster; its pools take it by value."""

    node_class: pulumi.Output[str]
    """Id of the node class, release or profile that pools build on; known after an update."""
    cluster: Cluster
    """The cluster that it scales and that its pools are on."""
    dependent_opts: pulumi.ResourceOptions
    """Options of its pools: the cluster's, and to wait for the autoscaler."""
    registered: RegisteredAutoscaler
    """The cloud's side of this autoscaler, through which pools register."""

    def __init__(
        self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        on_cluster = args.cluster.dependent_opts
        merge = pulumi.ResourceOptions.merge
        super().__init__("elastic-vllm:cluster:ClusterAutoscaler", name, None, merge(on_cluster, opts))
        self.cluster = args.cluster
        child = pulumi.ResourceOptions(parent=self)
        self.registered = args.cluster.registered.autoscaler(name, args.spec, child)
        self.node_class = self.registered.node_class
        self.dependent_opts = merge(on_cluster, pulumi.ResourceOptions(depends_on=[self]))
        self.register_outputs({"nodeClass": self.node_class})
