"""cluster-autoscaler on EKS, for stacks that choose it: its rights, its chart, which group it takes first.

It only moves the desired size of groups that bear this cluster's tag. Nodes come and go by EKS's own hand:
managed node groups drain them, and answer Spot's warnings, themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam
from pulumi_kubernetes.helm.v3 import Release

from elastic_vllm.clouds.aws import identity, image, permissions
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.spec import AwsCluster, NodeAutoscalingSpec

CHART = "cluster-autoscaler"
CHART_VERSION = "9.59.0"
CHARTS = "https://kubernetes.github.io/autoscaler"
IMAGE = "registry.k8s.io/autoscaling/cluster-autoscaler"
NAMESPACE = "kube-system"
ACCOUNT = "cluster-autoscaler"
SPOT_GROUPS = "^eks-.*-nodes-spot-[0-9a-f]{7}-[-0-9a-f]{36}$"
"""The Auto Scaling groups of Spot node groups: EKS, the group's name with Pulumi's suffix, EKS's own."""
PRIORITIES = f"10:\n  - .*\n20:\n  - {SPOT_GROUPS}\n"
"""The highest first: Spot while there is some."""


@dataclass(frozen=True, kw_only=True)
class ManagedGroups:
    """What node groups name."""

    release: pulumi.Output[str]
    node_role: identity.Role


def managed_groups(
    name: str,
    autoscaling: NodeAutoscalingSpec,
    base: EksContext,
    account: identity.PodIdentity,
    opts: pulumi.ResourceOptions,
) -> ManagedGroups:
    """Register the nodes' role, the controller's identity and the chart."""
    spec = base.spec
    on_aws = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.aws))
    nodes = identity.node_role(f"{name}-node-role", spec, on_aws)
    policy = pulumi.Output.json_dumps(permissions.cluster_autoscaler(base.spec.region, base.cluster))
    allowed = iam.RolePolicy(f"{name}-controller-policy", role=account.role.name, policy=policy, opts=on_aws)
    release = Release(
        f"{name}-cluster-autoscaler",
        name=CHART,
        chart=spec.mirrors.chart(CHART),
        version=CHART_VERSION,
        repository_opts=None if spec.mirrors.charts else {"repo": CHARTS},
        namespace=NAMESPACE,
        values=chart_values(spec, base.cluster, autoscaling),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed, account.bound])),
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
        "image": {**spec.mirrors.repository(IMAGE), "tag": image.AUTOSCALER_TAGS[spec.kubernetes]},
        "rbac": {"serviceAccount": {"create": True, "name": ACCOUNT}},
        "replicaCount": 2,
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "1Gi"}},
    }
