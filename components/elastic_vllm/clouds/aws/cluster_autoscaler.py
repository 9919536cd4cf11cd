"""cluster-autoscaler on EKS, for stacks that choose it: its rights, its chart, which group it takes first.

It only moves the desired size of groups that bear this cluster's tag. Nodes come and go by EKS's own hand:
managed node groups drain them, and answer Spot's warnings, themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from elastic_vllm.clouds.aws import identity, permissions
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.spec import AwsCluster, NodeAutoscalingSpec

CHART = "cluster-autoscaler"
CHART_VERSION = "9.59.0"
CHARTS = "https://kubernetes.github.io/autoscaler"
IMAGE_TAGS = {"1.34": "v1.34.4", "1.35": "v1.35.1", "1.36": "v1.36.1"}
"""By the control plane's minor version, whose scheduler it simulates; the chart's own is one behind."""
NAMESPACE = "kube-system"
ACCOUNT = "cluster-autoscaler"
SPOT_GROUPS = "^eks-.*-nodes-spot-[0-9a-f]{7}-[-0-9a-f]{36}$"
"""The Auto Scaling groups of Spot node groups: EKS, the group's name with Pulumi's suffix, EKS's own."""
PRIORITIES = f"10:\n  - .*\n20:\n  - {SPOT_GROUPS}\n"
"""The highest first: Spot while there is some."""


class AutoscalerSettingError(ValueError):
    """A setting of ``autoscaler`` that cluster-autoscaler has nothing for; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class ManagedGroups:
    """What node groups name."""

    release: pulumi.Output[str]
    node_role: identity.Role


def managed_groups(
    name: str,
    autoscaling: NodeAutoscalingSpec,
    base: EksContext,
    opts: pulumi.ResourceOptions,
) -> ManagedGroups:
    """Register the nodes' role, the controller's identity and the chart."""
    if autoscaling.consolidation != "when-empty":
        raise AutoscalerSettingError(
            f"autoscaler.consolidation: {autoscaling.consolidation} is not to be had with nodeAutoscaler: "
            "cluster-autoscaler, which would move replicas that still load; leave it out, or take karpenter"
        )
    spec = base.spec
    on_aws = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.aws))
    nodes = identity.role(f"{name}-node-role", spec.region, identity.NODE, identity.NODE_POLICIES, on_aws)
    account = identity.Account(cluster=base.eks.name, namespace=NAMESPACE, name=ACCOUNT)
    policy = permissions.cluster_autoscaler(base.spec.region, base.name)
    allowed = identity.pod_role(f"{name}-controller", base.spec.region, account, policy, on_aws)
    release = Release(
        f"{name}-cluster-autoscaler",
        name=CHART,
        chart=CHART,
        version=CHART_VERSION,
        repository_opts={"repo": CHARTS},
        namespace=NAMESPACE,
        values=chart_values(spec, base.name, autoscaling),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=allowed)),
    )
    return ManagedGroups(release=release.id, node_role=nodes)


def chart_values(
    spec: AwsCluster, cluster_name: str, autoscaling: NodeAutoscalingSpec
) -> Mapping[str, object]:
    """The chart's settings. The two delays together are how long a node is empty before it is given back."""
    delay = f"{autoscaling.consolidate_after_seconds}s"
    return {
        "autoDiscovery": {"clusterName": cluster_name},
        "awsRegion": spec.region,
        "cloudProvider": "aws",
        "expanderPriorities": PRIORITIES,
        "extraArgs": {
            "expander": "priority,least-waste",
            "scale-down-delay-after-add": delay,
            "scale-down-unneeded-time": delay,
        },
        "fullnameOverride": CHART,
        "image": {"tag": image_tag(spec.kubernetes)},
        "rbac": {"serviceAccount": {"create": True, "name": ACCOUNT}},
        "replicaCount": 2,
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "1Gi"}},
    }


def image_tag(kubernetes: str) -> str:
    """The release for this version of Kubernetes."""
    if kubernetes not in IMAGE_TAGS:
        raise AutoscalerSettingError(
            f"cluster.kubernetes: no cluster-autoscaler for Kubernetes {kubernetes} is pinned here; there is "
            f"one for {', '.join(IMAGE_TAGS)}: add its release, or take nodeAutoscaler: karpenter"
        )
    return IMAGE_TAGS[kubernetes]
