"""All that a stack's pools and pods stand on, in order, and the way to reach it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
from pulumi_gcp import Provider

from elastic_vllm.clouds.base import ClusterAccess, ClusterOutputs
from elastic_vllm.clouds.gcp import nodes
from elastic_vllm.clouds.gcp.access import kubeconfig
from elastic_vllm.clouds.gcp.control_plane import control_plane, location, server
from elastic_vllm.clouds.gcp.encryption import secrets_key
from elastic_vllm.clouds.gcp.identity import node_identity
from elastic_vllm.clouds.gcp.landing_zone import GcpExistingCluster
from elastic_vllm.clouds.gcp.naming import cost_labels
from elastic_vllm.clouds.gcp.network import network
from elastic_vllm.clouds.gcp.system_nodes import system_nodes
from elastic_vllm.spec import GcpCluster


@dataclass(frozen=True, kw_only=True)
class GkeContext:
    """The facts of a registered GKE cluster that its pools, bucket and Kubernetes provider need."""

    spec: GcpCluster
    provider: Provider
    name: pulumi.Output[str]
    location: str
    zones: int
    id: pulumi.Output[str]
    """Of the cluster: another one is another Kubernetes provider."""
    endpoint: pulumi.Output[str]
    """The control plane's name or address."""
    authority: pulumi.Output[str] | None
    """Whom its certificate is of; none where it is a public authority."""
    network: pulumi.Output[str] | None
    """None where the cluster is not the stack's own."""
    node_account: pulumi.Output[str]
    cost_labels: Mapping[str, str]
    before_nodes: Sequence[pulumi.Resource]
    """Without these a node comes up and is good for nothing."""
    before_pods: Sequence[pulumi.Resource]
    """Without these no pod runs; with them gone too early, none can be deleted."""


def context(name: str, spec: GcpCluster, opts: pulumi.ResourceOptions) -> GkeContext:
    """Register everything from the VPC to the system nodes, with a Google provider of its own."""
    provider = Provider(f"{name}-gcp", project=spec.project, region=spec.region, opts=opts)
    labels = cost_labels(pulumi.get_stack(), spec.labels)
    if spec.existing:
        return _existing(spec, spec.existing, provider, labels)
    child = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=provider))
    kept = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=spec.protect))
    vpc = network(name, spec, kept)
    identity = node_identity(name, spec, child)
    key = secrets_key(name, spec, labels, kept)
    cluster = control_plane(name, spec, (vpc, identity, key), labels, kept)
    before_nodes = [*vpc.nat, *identity.grants]
    after = pulumi.ResourceOptions(
        depends_on=[*before_nodes], ignore_changes=[*nodes.LIVE_SIZES], custom_timeouts=nodes.TIMEOUTS
    )
    system = system_nodes(name, spec, (cluster, identity), labels, pulumi.ResourceOptions.merge(child, after))
    return GkeContext(
        spec=spec,
        provider=provider,
        name=cluster.name,
        location=location(spec),
        zones=len(spec.node_zones),
        id=cluster.id,
        endpoint=server(spec, cluster),
        # The name has a certificate of Google's public authority, the address one of the cluster's own.
        authority=None if spec.dns_endpoint else cluster.master_auth.cluster_ca_certificate,
        network=vpc.network,
        node_account=identity.email,
        cost_labels=labels,
        before_nodes=before_nodes,
        before_pods=[*before_nodes, system],
    )


def _existing(
    spec: GcpCluster, cluster: GcpExistingCluster, provider: Provider, labels: Mapping[str, str]
) -> GkeContext:
    """A cluster by what the stack file says of it: no call asks Google, so a plan needs no account."""
    if spec.node_service_account is None:
        raise LookupError("cluster.existing without nodeServiceAccount")  # refused by the stack file's type
    where = location(spec)
    return GkeContext(
        spec=spec,
        provider=provider,
        name=pulumi.Output.from_input(cluster.name),
        location=where,
        zones=len(spec.node_zones),
        id=pulumi.Output.from_input(f"projects/{spec.project}/locations/{where}/clusters/{cluster.name}"),
        endpoint=pulumi.Output.from_input(cluster.endpoint),
        authority=None,
        network=None,
        node_account=pulumi.Output.from_input(spec.node_service_account),
        cost_labels=labels,
        before_nodes=[],
        before_pods=[],
    )


def access(name: str, cluster: GkeContext, opts: pulumi.ResourceOptions) -> ClusterAccess:
    """Register the Kubernetes provider. A new address of the same cluster replaces nothing."""
    known = kubeconfig(cluster.name, pulumi.Output.format("https://{0}", cluster.endpoint), cluster.authority)
    secret: pulumi.Output[str] = pulumi.Output.secret(pulumi.Output.json_dumps(known))
    provider = pulumi_kubernetes.Provider(
        f"{name}-provider",
        kubeconfig=secret,
        cluster_identifier=cluster.id,
        enable_server_side_apply=True,
        enable_secret_mutable=True,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*cluster.before_pods])),
    )
    outputs = ClusterOutputs(
        endpoint=cluster.endpoint,
        kubeconfig=secret,
        location=cluster.location,
        name=cluster.name,
        nodeAccount=cluster.node_account,
    )
    if cluster.network is not None:
        outputs["network"] = cluster.network
    return ClusterAccess(provider=provider, outputs=outputs)
