"""A group of identical GPU nodes that the node autoscaler may grow and shrink, from zero."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from elastic_vllm.clouds.base import Cloud, Placement
from elastic_vllm.spec import ModelSpec, NodeAutoscalingSpec, NodePoolSpec


@dataclass(frozen=True, kw_only=True)
class GpuNodePoolArgs:
    """Plain values all: they decide which resources there are."""

    cloud: Cloud
    pool: NodePoolSpec
    autoscaling: NodeAutoscalingSpec = field(default_factory=NodeAutoscalingSpec)
    """When nodes are given back; some clouds write it on each pool."""


class GpuNodePool(pulumi.ComponentResource):
    """One autoscaled pool of one machine shape. Workloads reach its nodes through ``placement`` only."""

    node_group: pulumi.Output[str]
    """Id the cloud gives the pool; known after an update."""
    placement: Placement
    """What a pod needs to run here: the selector, the tolerations, the GPU."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("elastic-vllm:cluster:GpuNodePool", name, None, opts)
        self._args = args
        child = pulumi.ResourceOptions(parent=self)
        self.node_group = args.cloud.node_pool(f"{name}-nodes", args.pool, args.autoscaling, opts=child)
        self.placement = args.cloud.placement(args.pool)
        self.register_outputs({"nodeGroup": self.node_group})

    def pod_annotations(self, model: ModelSpec) -> Mapping[str, str]:
        """What this pool's nodes want to read on the model's pods; nothing on a real cloud."""
        return self._args.cloud.pod_annotations(model, self._args.pool)
