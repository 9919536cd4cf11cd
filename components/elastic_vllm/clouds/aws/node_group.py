"""One pool as EKS managed node groups: one machine type, tainted, bounded, from zero.

Spot and on demand are two groups under one label, since a group is one or the other; the autoscaler's
priorities put Spot first. Each is bounded by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import autoscaling, ec2, eks

from elastic_vllm import catalog
from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.aws import gpu_template, hints
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.clouds.aws.cluster_autoscaler import ManagedGroups
from elastic_vllm.clouds.gpu_node import GPU_TAINT
from elastic_vllm.spec import NodePoolSpec

AMI_TYPE = "BOTTLEROCKET_x86_64_NVIDIA"
TIMEOUTS = pulumi.CustomTimeouts(create="30m", update="120m", delete="60m")
"""An update drains one node after the other; a deletion waits for the last answers."""
LIVE_SIZE = "scalingConfig.desiredSize"
"""Owned by the autoscaler from the first node on."""


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What the groups of one pool share."""

    base: EksContext
    groups: ManagedGroups
    pool: NodePoolSpec
    machine: MachineRow
    template: ec2.LaunchTemplate
    opts: pulumi.ResourceOptions


def node_group(
    name: str,
    base: EksContext,
    groups: ManagedGroups,
    pool: NodePoolSpec,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Register the pool; answer the id of the group that its floor is in."""
    machine = catalog.machine_for("aws", pool.accelerator, pool.gpus_per_node, pool.chosen)
    on_aws = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.aws))
    template = gpu_template.gpu_template(name, base, pool, machine, opts=on_aws)
    parts = _Parts(base=base, groups=groups, pool=pool, machine=machine, template=template, opts=on_aws)
    above_the_floor = pool.max_nodes - pool.min_nodes
    if pool.capacity == "spot-then-on-demand" and above_the_floor:
        _register(f"{name}-spot", parts, "SPOT", (0, above_the_floor))
    return _register(name, parts, capacity_type(pool), (pool.min_nodes, pool.max_nodes)).id


def capacity_type(pool: NodePoolSpec) -> str:
    """EKS's word for how the pool's floor is bought. A plain reservation is on demand to it."""
    if pool.reservation and pool.reservation.block:
        return "CAPACITY_BLOCK"
    return "SPOT" if pool.capacity == "spot" else "ON_DEMAND"


def subnets(base: EksContext, pool: NodePoolSpec) -> list[pulumi.Input[str]]:
    """The private subnets, or those in the zones of the pool or of its reservation."""
    chosen = (pool.reservation.zone,) if pool.reservation else pool.zones
    return [base.network.private_subnets[zone] for zone in chosen or base.network.private_subnets]


def _register(name: str, parts: _Parts, capacity: str, bounds: tuple[int, int]) -> eks.NodeGroup:
    pool, (least, most) = parts.pool, bounds
    own = pulumi.ResourceOptions(
        depends_on=parts.groups.node_role.ready, ignore_changes=[LIVE_SIZE], custom_timeouts=TIMEOUTS
    )
    group = eks.NodeGroup(
        name,
        cluster_name=parts.base.eks.name,
        node_role_arn=parts.groups.node_role.role.arn,
        subnet_ids=subnets(parts.base, pool),
        ami_type=AMI_TYPE,
        capacity_type=capacity,
        # A capacity block wants the machine in the launch template, and EKS takes it from one place alone.
        instance_types=None if capacity == "CAPACITY_BLOCK" else [parts.machine.name],
        labels=dict(hints.group_labels(pool)),
        launch_template={"id": parts.template.id, "version": parts.template.latest_version.apply(str)},
        node_repair_config={"enabled": False},  # as in ``autoscaler.chart_values``
        scaling_config={"desired_size": least, "max_size": most, "min_size": least},
        taints=[{"key": GPU_TAINT["key"], "value": GPU_TAINT["value"], "effect": "NO_SCHEDULE"}],
        # A node more than the quota allows would be asked for in vain; so one goes before one comes.
        update_config={"max_unavailable": 1, "update_strategy": "MINIMAL"},
        version=parts.base.eks.version,
        opts=pulumi.ResourceOptions.merge(parts.opts, own),
    )
    _hint(name, group, hints.tags(parts.base.spec, parts.base.cluster, pool, parts.machine), parts.opts)
    return group


def _hint(name: str, group: eks.NodeGroup, tags: Mapping[str, str], opts: pulumi.ResourceOptions) -> None:
    """Tag the Auto Scaling group that EKS made. A name has the key's last words, which are its own."""
    behind = group.resources[0].autoscaling_groups[0].name
    for key, value in tags.items():
        autoscaling.Tag(
            f"{name}-hint-{key.removeprefix(hints.PREFIX + '/').replace('/', '-')}",
            autoscaling_group_name=behind,
            tag={"key": key, "value": value, "propagate_at_launch": False},
            opts=opts,
        )
