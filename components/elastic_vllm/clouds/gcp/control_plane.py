"""GKE's control plane: private, VPC-native, on Dataplane V2.

What the autoscaler of nodes and that of pods want of a cluster is set here, because GKE has it here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi
from pulumi_gcp.container import Cluster

from elastic_vllm.clouds.gcp import maintenance, nodes
from elastic_vllm.clouds.gcp.autoscaler import PROFILE
from elastic_vllm.clouds.gcp.encryption import SecretsKey
from elastic_vllm.clouds.gcp.identity import NodeIdentity
from elastic_vllm.clouds.gcp.network import Network
from elastic_vllm.spec import GcpCluster

if TYPE_CHECKING:
    from pulumi_gcp.container import (
        ClusterMasterAuthorizedNetworksConfigArgsDict,
        ClusterMonitoringConfigArgsDict,
        ClusterNodeConfigArgsDict,
        ClusterPrivateClusterConfigArgsDict,
    )

METRICS = ("SYSTEM_COMPONENTS", "HPA", "POD", "DEPLOYMENT", "CADVISOR", "KUBELET", "DCGM")
"""What GKE's managed collection keeps; ``DCGM`` is the GPUs' own metrics."""
LOGS = ("SYSTEM_COMPONENTS", "WORKLOADS")


def control_plane(
    name: str,
    spec: GcpCluster,
    on: tuple[Network, NodeIdentity, SecretsKey],
    labels: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> Cluster:
    """Register it without a node of its own: pools come beside it."""
    vpc, identity, key = on
    own = pulumi.ResourceOptions(
        depends_on=[*key.grants],
        # Of the first pool, which is gone as soon as the cluster is there.
        ignore_changes=["nodeConfig"],
        custom_timeouts=pulumi.CustomTimeouts(create="60m", update="120m", delete="60m"),
    )
    return Cluster(
        f"{name}-gke",
        location=location(spec),
        node_locations=node_locations(spec) or None,
        network=vpc.network,
        subnetwork=vpc.subnetwork,
        networking_mode="VPC_NATIVE",
        datapath_provider="ADVANCED_DATAPATH",
        ip_allocation_policy={
            "cluster_secondary_range_name": vpc.pods,
            "services_secondary_range_name": vpc.services,
        },
        private_cluster_config=private_cluster(spec),
        master_authorized_networks_config=authorized_networks(spec),
        control_plane_endpoints_config={"dns_endpoint_config": {"allow_external_traffic": spec.dns_endpoint}},
        master_auth={"client_certificate_config": {"issue_client_certificate": False}},
        maintenance_policy=maintenance.policy(spec.maintenance),
        release_channel={"channel": spec.release_channel.upper()},
        workload_identity_config={"workload_pool": f"{spec.project}.svc.id.goog"},
        database_encryption=key.setting,
        cluster_autoscaling={"enabled": False, "autoscaling_profile": PROFILE},
        pod_autoscaling={"hpa_profile": "PERFORMANCE"},
        monitoring_config=monitoring(),
        logging_config={"enable_components": [*LOGS]},
        gateway_api_config={"channel": "CHANNEL_STANDARD"},
        # compileCache needs a volume that many nodes write to; GKE installs the driver of Filestore.
        addons_config={"gcp_filestore_csi_driver_config": {"enabled": True}},
        cost_management_config={"enabled": True},
        fleet={"project": spec.fleet_project} if spec.fleet_project else None,
        enable_shielded_nodes=True,
        deletion_protection=spec.protect,
        resource_labels=dict(labels),
        initial_node_count=1,
        remove_default_node_pool=True,
        node_config=_first_node(spec, identity),
        opts=pulumi.ResourceOptions.merge(opts, own),
    )


def _first_node(spec: GcpCluster, identity: NodeIdentity) -> "ClusterNodeConfigArgsDict":
    """The node that GKE makes with the cluster: policies of an organisation judge it, too."""
    config: ClusterNodeConfigArgsDict = {
        "service_account": identity.email,
        "oauth_scopes": [nodes.OAUTH_SCOPE],
        "shielded_instance_config": nodes.shielded(),
    }
    if spec.encryption.disks:
        config["boot_disk_kms_key"] = spec.encryption.disks
    if spec.network_tags:
        config["tags"] = [*spec.network_tags]
    return config


def location(spec: GcpCluster) -> str:
    """Where the control plane is: in a region or in one zone."""
    return spec.region if spec.regional else spec.control_plane_zone or min(spec.node_zones)


def node_locations(spec: GcpCluster) -> list[str]:
    """The nodes' zones as GKE wants them: a zonal cluster's own zone goes without saying."""
    return sorted({*spec.node_zones} - {location(spec)})


def private_cluster(spec: GcpCluster) -> "ClusterPrivateClusterConfigArgsDict":
    """Nodes without public addresses; the control plane has one only for those who may use it."""
    return {
        "enable_private_nodes": True,
        "enable_private_endpoint": not spec.authorized_networks,
        "master_ipv4_cidr_block": spec.network.control_plane,
        # A VPN or Interconnect may end in another region.
        "master_global_access_config": {"enabled": bool(spec.private_networks)},
    }


def authorized_networks(spec: GcpCluster) -> "ClusterMasterAuthorizedNetworksConfigArgsDict":
    """Always on: with no range listed no address outside the VPC gets through, not even of Google Cloud."""
    listed = [("authorized", spec.authorized_networks), ("private", spec.private_networks)]
    return {
        "cidr_blocks": [
            {"cidr_block": cidr, "display_name": f"{kind}-{index}"}
            for kind, ranges in listed
            for index, cidr in enumerate(ranges)
        ],
        "gcp_public_cidrs_access_enabled": False,
    }


def server(spec: GcpCluster, cluster: Cluster) -> pulumi.Output[str]:
    """The control plane's name, or its address where it has no name."""
    if not spec.dns_endpoint:
        return cluster.endpoint
    return cluster.control_plane_endpoints_config.apply(
        lambda given: str(given.dns_endpoint_config.endpoint if given.dns_endpoint_config else "")
    )


def monitoring() -> "ClusterMonitoringConfigArgsDict":
    """Managed Prometheus, and the components that a policy or a dashboard of ours reads."""
    return {"enable_components": [*METRICS], "managed_prometheus": {"enabled": True}}
