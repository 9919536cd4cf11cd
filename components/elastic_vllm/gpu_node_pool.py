"""A group of identical GPU nodes that the node autoscaler may grow and shrink, from zero."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from elastic_vllm.cluster_autoscaler import ClusterAutoscaler
from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec, NodePoolSpec


@dataclass(frozen=True, kw_only=True)
class GpuNodePoolArgs:
    """The autoscaler that grows the pool, and the shape of its nodes."""

    autoscaler: ClusterAutoscaler
    """The pool is on this autoscaler's cluster, and gives nodes back when its ``spec`` says."""
    pool: NodePoolSpec


class GpuNodePool(pulumi.ComponentResource):
    """One autoscaled pool of one machine shape. Workloads reach its nodes through ``placement`` only."""

    node_group: pulumi.Output[str]
    """Id the cloud gives the pool; known after an update."""
    placement: Placement
    """What a pod needs to run here: the selector, the tolerations, the GPU."""
    dependent_opts: pulumi.ResourceOptions
    """Options of the pool's models: the cluster's, and to depend on the pool, which is deleted after them."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        merge = pulumi.ResourceOptions.merge
        own = merge(args.autoscaler.dependent_opts, opts)
        super().__init__("elastic-vllm:cluster:GpuNodePool", name, None, own)
        cluster = args.autoscaler.cluster
        self._cloud, self._pool = cluster.cloud, args.pool
        child = pulumi.ResourceOptions(parent=self)
        self.node_group = args.autoscaler.registered.node_pool(f"{name}-nodes", args.pool, child)
        self.placement = cluster.cloud.placement(args.pool)
        self.dependent_opts = merge(cluster.dependent_opts, pulumi.ResourceOptions(depends_on=[self]))
        self.register_outputs({"nodeGroup": self.node_group})

    def pod_annotations(self, model: ModelSpec) -> Mapping[str, str]:
        """What this pool's nodes want to read on the model's pods; nothing on a real cloud."""
        return self._cloud.pod_annotations(model, self._pool)
