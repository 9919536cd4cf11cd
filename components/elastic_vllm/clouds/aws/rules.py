"""What AWS and its node autoscalers refuse, as findings. Imports no SDK."""

import re
from collections.abc import Iterator

from elastic_vllm.catalog import accelerators
from elastic_vllm.clouds import refusals
from elastic_vllm.clouds.aws import image
from elastic_vllm.spec import AwsCluster, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import Finding
from elastic_vllm.spec.stack import StackConfig


def check(cluster: AwsCluster, config: StackConfig) -> Iterator[Finding]:
    """Everything that AWS would refuse of the stack."""
    for index, pool in enumerate(config.pools):
        yield from of_pool(f"pools[{index}]", cluster, pool)
    yield from of_autoscaler(cluster, config.autoscaler)


def of_pool(key: str, cluster: AwsCluster, pool: NodePoolSpec) -> Iterator[Finding]:
    """What AWS would refuse of one pool, which lies at ``key``."""
    needed = accelerators()[pool.accelerator].driver_branch
    if needed > image.DRIVER_BRANCH:
        yield refusals.DRIVER.at(
            f"{key}.accelerator",
            f"{pool.accelerator} needs NVIDIA driver {needed}, and the node image {image.ALIAS} has "
            f"{image.DRIVER_BRANCH}; use rtx-pro-6000 or l4",
            pool.name,
        )
    if pool.capacity == "flex-start":
        yield refusals.CAPACITY.at(
            f"{key}.capacity",
            "AWS does not sell flex-start; use spot, or reserved with a capacity block (reservation.block)",
            pool.name,
        )
    yield from refusals.not_on_demand(key, "aws", pool)
    if pool.reservation and not re.fullmatch(r"cr-[0-9a-z]+", pool.reservation.name):
        yield refusals.RESERVATION.at(
            f"{key}.reservation.name",
            f"{pool.reservation.name!r} is not the id of a capacity reservation; write it as in "
            "cr-0123456789abcdef0",
            pool.name,
        )
    yield from refusals.zones(key, pool, cluster.node_zones)


def of_autoscaler(cluster: AwsCluster, autoscaling: NodeAutoscalingSpec) -> Iterator[Finding]:
    """What cluster-autoscaler does not have; Karpenter has all of it."""
    if cluster.node_autoscaler == "karpenter":
        return
    if autoscaling.consolidation != "when-empty":
        yield refusals.AUTOSCALER_SETTING.at(
            "autoscaler.consolidation",
            f"cluster-autoscaler has no safe {autoscaling.consolidation}: it would move replicas that load; "
            "leave it out, or set cluster.nodeAutoscaler: karpenter",
        )
    if cluster.kubernetes not in image.AUTOSCALER_TAGS:
        yield refusals.AUTOSCALER_VERSION.at(
            "cluster.kubernetes",
            f"no cluster-autoscaler is pinned for Kubernetes {cluster.kubernetes}, only for "
            f"{', '.join(image.AUTOSCALER_TAGS)}; use one of them, or cluster.nodeAutoscaler: karpenter",
        )
