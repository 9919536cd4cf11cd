"""What adds nodes for waiting pods and gives empty ones back: one per cluster, for all pools."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi

from elastic_vllm.clouds.base import Cloud
from elastic_vllm.spec import NodeAutoscalingSpec, NodePoolSpec


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """Plain values all: they decide which resources there are."""

    cloud: Cloud
    pools: Sequence[NodePoolSpec]
    """The pools it will find, for clouds that have to be told."""
    spec: NodeAutoscalingSpec = field(default_factory=NodeAutoscalingSpec)


class ClusterAutoscaler(pulumi.ComponentResource):
    """The node autoscaler. Pools depend on it: they name what it registers."""

    node_class: pulumi.Output[str]
    """Id of what the pools build on; known after an update."""

    def __init__(
        self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("elastic-vllm:cluster:ClusterAutoscaler", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.node_class = args.cloud.autoscaler(name, args.spec, args.pools, opts=child)
        self.register_outputs({"nodeClass": self.node_class})
