"""Karpenter on EKS: its right to make machines, their right to join, its news of interruptions, itself.

Two charts of one version: the CRDs apart, so that an upgrade reaches them and an uninstall takes them last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks, iam
from pulumi_kubernetes.helm.v3 import Release

from elastic_vllm.clouds.aws import identity, interruption, naming, permissions, user_data
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.clouds.mirrors import Mirrors
from elastic_vllm.spec import AwsCluster

VERSION = "1.14.1"
"""Up to Kubernetes 1.36."""
CHARTS = "oci://public.ecr.aws/karpenter"
IMAGE = "public.ecr.aws/karpenter/controller"
NAMESPACE = "kube-system"
ACCOUNT = "karpenter"
MEMORY = "1Gi"


@dataclass(frozen=True, kw_only=True)
class Karpenter:
    """What pools name."""

    release: pulumi.Output[str]
    profile: pulumi.Output[str]
    """The instance profile of every node that Karpenter makes."""


@dataclass(frozen=True, kw_only=True)
class _NodeIdentity:
    role_arn: pulumi.Output[str]
    profile: iam.InstanceProfile
    ready: Sequence[pulumi.Resource]


def karpenter(
    name: str, base: EksContext, account: identity.PodIdentity, opts: pulumi.ResourceOptions
) -> Karpenter:
    """Register Karpenter. It is uninstalled before anything it needs to end its machines goes."""
    on_aws = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.aws))
    nodes = _node_identity(f"{name}-node", base, on_aws)
    queue, news = interruption.queue(f"{name}-interruption", f"{base.name}-karpenter", on_aws)
    scope = permissions.Scope(
        region=base.spec.region,
        cluster=base.cluster,
        cluster_arn=base.eks.arn,
        node_role_arn=nodes.role_arn,
        profile_arn=nodes.profile.arn,
        queue_arn=queue.arn,
        disk_key=base.spec.encryption.disks,
    )
    policy = pulumi.Output.json_dumps(permissions.controller(scope))
    allowed = iam.RolePolicy(f"{name}-controller-policy", role=account.role.name, policy=policy, opts=on_aws)
    mirrors = base.spec.mirrors
    crds = _chart(f"{name}-crds", "karpenter-crd", {}, mirrors, opts)
    first = pulumi.ResourceOptions(depends_on=[*nodes.ready, *news, allowed, account.bound, crds])
    values = chart_values(base.cluster, queue.name, base.spec)
    after = pulumi.ResourceOptions.merge(opts, first)
    release = _chart(f"{name}-karpenter", "karpenter", values, mirrors, after)
    return Karpenter(release=release.id, profile=nodes.profile.name)


def of_the_cluster(profile: str) -> Karpenter:
    """The Karpenter that an existing cluster runs: the stack brings its pools alone."""
    return Karpenter(release=pulumi.Output.from_input("karpenter"), profile=pulumi.Output.from_input(profile))


def chart_values(cluster_name: str, queue_name: pulumi.Input[str], spec: AwsCluster) -> Mapping[str, object]:
    """The chart's settings. ``staticCapacity`` is what ``minNodes`` needs.

    ``nodeRepair`` stays off: the monitoring agent reports a GPU as broken when its DCGM server starts late,
    and a repair ends the node past every disruption budget (aws/eks-node-monitoring-agent#275).
    ``preferencePolicy``: replicas spread softly; honouring that as a rule would buy a node for each replica.
    """
    return {
        "controller": {
            # Karpenter asks neither EC2's metadata service nor anybody else for it.
            "env": [{"name": name, "value": value} for name, value in _environment(spec).items()],
            **({"image": image} if (image := spec.mirrors.repository(IMAGE)) else {}),
            "resources": {"limits": {"memory": MEMORY}, "requests": {"cpu": "500m", "memory": MEMORY}},
        },
        "replicas": 2,
        "serviceAccount": {"create": True, "name": ACCOUNT},
        "settings": {
            "clusterName": cluster_name,
            "featureGates": {"staticCapacity": True},
            "interruptionQueue": queue_name,
            "preferencePolicy": "Ignore",
        },
    }


def _environment(spec: AwsCluster) -> Mapping[str, str]:
    """The controller's variables. It asks the API server and Pod Identity without the proxy."""
    if spec.proxy is None:
        return {"AWS_REGION": spec.region}
    unproxied = ",".join([*user_data.NOT_PROXIED, *spec.proxy.no_proxy])
    return {"AWS_REGION": spec.region, "HTTPS_PROXY": spec.proxy.https, "NO_PROXY": unproxied}


def _node_identity(name: str, base: EksContext, opts: pulumi.ResourceOptions) -> _NodeIdentity:
    role = identity.node_role(f"{name}-role", base.spec, opts)
    profile = iam.InstanceProfile(
        f"{name}-profile",
        name=naming.owned(pulumi.get_stack(), f"{name}-profile"),
        role=role.role.name,
        opts=opts,
    )
    entry = eks.AccessEntry(
        f"{name}-access",
        cluster_name=base.eks.name,
        principal_arn=role.role.arn,
        type="EC2_LINUX",
        opts=opts,
    )
    return _NodeIdentity(role_arn=role.role.arn, profile=profile, ready=[*role.ready, profile, entry])


def _chart(
    name: str, chart: str, values: Mapping[str, object], mirrors: Mirrors, opts: pulumi.ResourceOptions
) -> Release:
    return Release(
        name,
        name=chart,
        chart=mirrors.chart(f"{CHARTS}/{chart}"),
        version=VERSION,
        namespace=NAMESPACE,
        skip_crds=True,
        values=values,
        opts=opts,
    )
