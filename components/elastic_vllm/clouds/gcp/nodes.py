"""What the nodes of every pool have in common: hardened, private, with the least identity."""

from typing import TYPE_CHECKING

import pulumi

from elastic_vllm.spec import GcpCluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_gcp.container import (
        NodePoolManagementArgsDict,
        NodePoolNetworkConfigArgsDict,
        NodePoolNodeConfigArgsDict,
        NodePoolNodeConfigShieldedInstanceConfigArgsDict,
    )

LIVE_SIZES = ("initialNodeCount", "nodeCount")
"""Owned by the autoscaler from the first node on."""
TIMEOUTS = pulumi.CustomTimeouts(create="45m", update="240m", delete="60m")
"""Without machines a floor fails after this long, and not after two hours; an upgrade drains node by node."""
OAUTH_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""The one scope: what nodes may do is said by the roles of their account."""


def node_config(
    machine: str, spec: GcpCluster, account: pulumi.Input[str], cost_labels: "Mapping[str, str]"
) -> "NodePoolNodeConfigArgsDict":
    """A node of this machine type."""
    config: NodePoolNodeConfigArgsDict = {
        "machine_type": machine,
        "image_type": "COS_CONTAINERD",
        "service_account": account,
        "oauth_scopes": [OAUTH_SCOPE],
        "gvnic": {"enabled": True},
        "kubelet_config": {"insecure_kubelet_readonly_port_enabled": "FALSE"},
        "shielded_instance_config": shielded(),
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "resource_labels": dict(cost_labels),
    }
    if spec.encryption.disks:
        config["boot_disk_kms_key"] = spec.encryption.disks
    if spec.network_tags:
        config["tags"] = [*spec.network_tags]
    return config


def shielded() -> "NodePoolNodeConfigShieldedInstanceConfigArgsDict":
    """Secure boot, which GKE leaves off; an organisation's policy may refuse a machine without it."""
    return {"enable_integrity_monitoring": True, "enable_secure_boot": True}


def management(*, repair: bool = True) -> "NodePoolManagementArgsDict":
    """GKE mends nodes that are not Ready, where it can, and upgrades them, as its release channels ask."""
    return {"auto_repair": repair, "auto_upgrade": True}


def private() -> "NodePoolNetworkConfigArgsDict":
    """No public address."""
    return {"enable_private_nodes": True}
