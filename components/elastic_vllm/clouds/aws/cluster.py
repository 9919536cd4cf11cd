"""An EKS cluster: network, control plane, add-ons, system nodes, and the one way to its Kubernetes.

What exists already is taken as the stack file declares it, and nothing of it is read or changed.

Each part depends on the one before: a destroy takes them in reverse (docs/adr/0006-karpenter-on-eks.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws
import pulumi_kubernetes

from elastic_vllm.clouds.aws import addons, eks_facts, identity, naming
from elastic_vllm.clouds.aws.control_plane import control_plane
from elastic_vllm.clouds.aws.eks_facts import EksFacts
from elastic_vllm.clouds.aws.network import Network, existing_network, network
from elastic_vllm.clouds.aws.system_nodes import system_nodes
from elastic_vllm.clouds.base import ClusterAccess
from elastic_vllm.spec import AwsCluster


@dataclass(frozen=True, kw_only=True)
class EksContext:
    """The facts of a registered EKS cluster that its autoscaler, pools and bucket need."""

    name: str
    """What is the stack's own at AWS is called by it."""
    cluster: str
    """The cluster's name at AWS: the same, or that of the existing one."""
    spec: AwsCluster
    tags: Mapping[str, str]
    aws: pulumi_aws.Provider
    eks: EksFacts
    network: Network
    autoscaler: identity.PodIdentity | str
    """The node autoscaler's: bound minutes before its pods, which are admitted with credentials or never.

    Or the instance profile of nodes, where an existing cluster runs Karpenter already.
    """
    before_pods: Sequence[pulumi.Resource]
    """No pod runs before these; without them none can be deleted."""


def context(name: str, spec: AwsCluster, opts: pulumi.ResourceOptions) -> EksContext:
    """Register everything from the VPC to the add-ons, or what an existing cluster needs of it."""
    own = f"{pulumi.get_project()}-{pulumi.get_stack()}"
    tags = naming.cost_tags(spec, pulumi.get_stack())
    aws = pulumi_aws.Provider(f"{name}-aws", region=spec.region, default_tags={"tags": tags}, opts=opts)
    on_aws = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=aws))
    there = spec.network.existing
    net = existing_network(there, spec.node_zones) if there else network(name, spec, on_aws)
    if spec.existing:
        plane = eks_facts.of_existing(spec.region, spec.existing)
        profile = spec.existing.node_instance_profile
        scaling = profile or _autoscaler(name, spec, plane.name, on_aws)
        running: Sequence[pulumi.Resource] = []
    else:
        plane, scaling, running = _own(name, own, spec, net, tags=tags, opts=on_aws)
    return EksContext(
        name=own,
        cluster=spec.existing.name if spec.existing else own,
        spec=spec,
        tags=tags,
        aws=aws,
        eks=plane,
        network=net,
        autoscaler=scaling,
        before_pods=running,
    )


def _own(
    name: str,
    cluster_name: str,
    spec: AwsCluster,
    net: Network,
    *,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[EksFacts, identity.PodIdentity, Sequence[pulumi.Resource]]:
    """The control plane, the node autoscaler's identity, and what runs on the system nodes."""
    plane = control_plane(name, cluster_name, spec, net, opts)
    scaling = _autoscaler(name, spec, plane.name, opts)
    joining = addons.for_nodes(name, spec, plane, opts)
    nodes = system_nodes(f"{name}-system", spec, plane, net, tags=tags, opts=_after(opts, joining))
    running = addons.on_nodes(name, spec, plane, tags, _after(opts, [nodes]))
    return eks_facts.of_own(plane), scaling, running


def _autoscaler(
    name: str, spec: AwsCluster, cluster: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> identity.PodIdentity:
    account = identity.Account(cluster=cluster, namespace="kube-system", name=spec.node_autoscaler)
    return identity.pod_identity(f"{name}-node-autoscaler", spec, account, opts)


def access(name: str, cluster: EksContext, opts: pulumi.ResourceOptions) -> ClusterAccess:
    """Register the Kubernetes provider, which every Kubernetes object of the stack takes."""
    plane = cluster.eks
    config: pulumi.Output[str] = pulumi.Output.secret(kubeconfig(plane, cluster.cluster, cluster.spec.region))
    provider = pulumi_kubernetes.Provider(
        f"{name}-provider",
        kubeconfig=config,
        cluster_identifier=plane.arn,  # a new endpoint or certificate is an update, not another cluster
        enable_server_side_apply=True,
        enable_secret_mutable=True,
        opts=_after(opts, cluster.before_pods),
    )
    return ClusterAccess(
        provider=provider,
        outputs={
            "endpoint": plane.endpoint,
            "kubeconfig": config,
            "name": plane.name,
            "network": cluster.network.vpc,
        },
    )


def kubeconfig(cluster: EksFacts, cluster_name: str, region: str) -> pulumi.Output[str]:
    """A kubeconfig that holds no credential: ``aws`` gets a token with the user's own credentials."""
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": cluster_name,
                    "cluster": {
                        "server": cluster.endpoint,
                        "certificate-authority-data": cluster.certificate_authority,
                    },
                }
            ],
            "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name}}],
            "current-context": cluster_name,
            "users": [{"name": cluster_name, "user": {"exec": _token(cluster_name, region)}}],
        }
    )


def _token(cluster_name: str, region: str) -> Mapping[str, object]:
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", cluster_name, "--region", region, "--output", "json"],
        "interactiveMode": "Never",
    }


def _after(opts: pulumi.ResourceOptions, first: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=first))
