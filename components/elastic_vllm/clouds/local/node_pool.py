"""One pool as a Karpenter ``NodePool`` over simulated machines: one type, tainted, bounded, from zero."""

import pulumi

from elastic_vllm import catalog
from elastic_vllm.clouds import karpenter
from elastic_vllm.clouds.local.autoscaler import GROUP, KIND, NODE_CLASS
from elastic_vllm.spec import LocalCluster, NodeAutoscalingSpec, NodePoolSpec


def node_pool(
    name: str,
    cluster: LocalCluster,
    pool: NodePoolSpec,
    autoscaling: NodeAutoscalingSpec,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the pool; answer its name."""
    machine = catalog.machine_for(cluster.machines, pool.accelerator, pool.gpus_per_node, pool.chosen)
    node_class = karpenter.NodeClassRef(group=GROUP, kind=KIND, name=NODE_CLASS)
    return karpenter.register(name, _bought(pool), autoscaling, machine, node_class, opts=opts)


def _bought(pool: NodePoolSpec) -> NodePoolSpec:
    """Simulated machines are sold on demand and as Spot, in zones of their own.

    What is reserved or waited for is on demand.
    """
    bought = "on-demand" if pool.capacity in ("reserved", "flex-start") else pool.capacity
    return pool.model_copy(update={"capacity": bought, "reservation": None, "zones": ()})
