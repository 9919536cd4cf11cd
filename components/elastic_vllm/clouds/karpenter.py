"""A pool as Karpenter's ``NodePool``, alike on EKS and on the embedded cluster.

Clouds that scale by Karpenter differ in the node class alone. ``terminationGracePeriod`` and ``expireAfter``
are left off or ``Never`` on purpose: both end pods past their disruption budgets, and a drain must not cut an
answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from elastic_vllm import labels
from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.gpu_node import GPU_RESOURCE, GPU_TAINT, node_labels
from elastic_vllm.spec import NodeAutoscalingSpec, NodePoolSpec

API_VERSION = "karpenter.sh/v1"
CAPACITY_TYPES = {
    "on-demand": ["on-demand"],
    "reserved": ["reserved"],
    "spot": ["spot"],
    "spot-then-on-demand": ["on-demand", "spot"],
}
"""Karpenter takes the cheapest of what is allowed, so Spot first where it can be had."""
CONSOLIDATION = {"when-empty": "WhenEmpty", "when-underutilized": "WhenEmptyOrUnderutilized"}


@dataclass(frozen=True, kw_only=True)
class NodeClassRef:
    """The object that says how a cloud makes the nodes."""

    group: str
    kind: str
    name: pulumi.Input[str]


def register(
    name: str,
    pool: NodePoolSpec,
    autoscaling: NodeAutoscalingSpec,
    machine: MachineRow,
    node_class: NodeClassRef,
    *,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the pool, and its floor when ``minNodes`` asks for one; answer the pool's name.

    The floor has a dot in its name, which no pool can have: two pools never meet in one object.
    """
    if pool.min_nodes:
        always = node_template(never_spot(pool), machine, node_class)
        _register(f"{name}-floor", f"{pool.name}.floor", pool, floor_spec(pool, always), opts)
    template = node_template(pool, machine, node_class)
    elastic = _register(name, pool.name, pool, elastic_spec(pool, autoscaling, template), opts)
    return elastic.id


def node_template(pool: NodePoolSpec, machine: MachineRow, node_class: NodeClassRef) -> Mapping[str, object]:
    """What every node of the pool is: its machine, its labels, its taint."""
    return {
        "metadata": {"labels": dict(node_labels(pool))},
        "spec": {
            "expireAfter": "Never",
            "nodeClassRef": {"group": node_class.group, "kind": node_class.kind, "name": node_class.name},
            "requirements": [
                _one_of("karpenter.sh/capacity-type", CAPACITY_TYPES[pool.capacity]),
                _one_of("node.kubernetes.io/instance-type", [*(pool.machines or (machine.name,))]),
                *([_one_of("topology.kubernetes.io/zone", [*pool.zones])] if pool.zones else []),
            ],
            "taints": [GPU_TAINT],
        },
    }


def elastic_spec(
    pool: NodePoolSpec, autoscaling: NodeAutoscalingSpec, template: Mapping[str, object]
) -> Mapping[str, object]:
    """Nodes that come for pending pods and go when empty, above the floor.

    Every empty node may go at once; a node with a replica on it, one at a time.
    """
    elastic = pool.max_nodes - pool.min_nodes
    return {
        "disruption": {
            "budgets": [
                {"nodes": "100%", "reasons": ["Empty"]},
                {"nodes": "1", "reasons": ["Underutilized", "Drifted"]},
            ],
            "consolidateAfter": f"{autoscaling.consolidate_after_seconds}s",
            "consolidationPolicy": CONSOLIDATION[autoscaling.consolidation],
        },
        "limits": {GPU_RESOURCE: str(elastic * pool.gpus_per_node), "nodes": str(elastic)},
        "template": template,
    }


def floor_spec(pool: NodePoolSpec, template: Mapping[str, object]) -> Mapping[str, object]:
    """Nodes that are there without work. Needs Karpenter's feature gate ``StaticCapacity``.

    One more than are kept is allowed: Karpenter makes the new node before it takes the outdated one.
    """
    return {"limits": {"nodes": str(pool.min_nodes + 1)}, "replicas": pool.min_nodes, "template": template}


def never_spot(pool: NodePoolSpec) -> NodePoolSpec:
    """What is always to be there is not bought where it may be taken back, if there is a choice."""
    if pool.capacity == "spot-then-on-demand":
        return pool.model_copy(update={"capacity": "on-demand"})
    return pool


def _one_of(key: str, values: list[str]) -> Mapping[str, object]:
    return {"key": key, "operator": "In", "values": values}


def _register(
    name: str,
    object_name: str,
    pool: NodePoolSpec,
    spec: Mapping[str, object],
    opts: pulumi.ResourceOptions,
) -> CustomResource:
    return CustomResource(
        name,
        api_version=API_VERSION,
        kind="NodePool",
        metadata={"name": object_name, "labels": {**labels.shared(), labels.POOL: pool.name}},
        spec=spec,
        opts=opts,
    )
