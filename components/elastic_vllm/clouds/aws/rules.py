"""What AWS and its node autoscalers refuse, as findings. Imports no SDK."""

import re
from collections.abc import Iterator

from elastic_vllm.catalog import accelerators, models
from elastic_vllm.clouds import refusals
from elastic_vllm.clouds.aws import billing, image
from elastic_vllm.spec import AwsCluster, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import Finding
from elastic_vllm.spec.stack import StackConfig

CLUSTER_MINUTES, FETCH_GB_PER_MINUTE, SESSION_MINUTES = 20, 3, 60
"""Control plane, nodes and add-ons, and the hub's pace: both assumed. AWS's default for an assumed role."""


def check(cluster: AwsCluster, config: StackConfig) -> Iterator[Finding]:
    """Everything that AWS would refuse of the stack."""
    for index, pool in enumerate(config.pools):
        yield from of_pool(f"pools[{index}]", cluster, pool)
    yield from of_autoscaler(cluster, config.autoscaler)
    # Through an existing network all may go out by one address.
    yield from refusals.docker_hub(config, billing.nat_gateways(cluster) or 1)
    yield from refusals.spot_notice(config, cluster.spot_notice_seconds)
    yield from refusals.single_machine(config)
    if cluster.bucket is None:
        yield from of_first_up(config)
    if cluster.existing:
        return
    yield from of_version(cluster)
    if not cluster.authorized_networks:
        yield refusals.CLOSED.at(
            "cluster.authorizedNetworks",
            "is missing: the control plane answers inside the VPC alone, so `pulumi up` from elsewhere stops "
            "at the first Kubernetes object; list the public addresses that you deploy from",
        )


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
    if cluster.node_autoscaler == "cluster-autoscaler":
        yield from refusals.one_machine_type(key, pool, "a managed node group")
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


def of_version(cluster: AwsCluster) -> Iterator[Finding]:
    """A version without node image, Karpenter or cluster-autoscaler of ours, or out of standard support."""
    if cluster.kubernetes not in image.AUTOSCALER_TAGS:
        first, *_, last = image.AUTOSCALER_TAGS
        yield refusals.KUBERNETES.at(
            "cluster.kubernetes",
            f"{cluster.kubernetes} is not a version that this program runs on EKS: {first} to {last} are in "
            f"standard support, and {image.ALIAS}, Karpenter and cluster-autoscaler are pinned for them",
        )


def of_first_up(config: StackConfig) -> Iterator[Finding]:
    """A fetch of weights that is longer than an hour together with the cluster before it."""
    for index, model in enumerate(config.models):
        gigabytes = models()[model.checkpoint].weights_gb
        minutes = CLUSTER_MINUTES + gigabytes / FETCH_GB_PER_MINUTE
        if minutes > SESSION_MINUTES:
            yield refusals.LONG_UP.at(
                f"models[{index}].checkpoint",
                f"{gigabytes:.0f} GB of weights are fetched first: the first `pulumi up` takes about "
                f"{minutes:.0f} minutes, and credentials of an hour end before; use a session of four hours",
                model.name,
            )
