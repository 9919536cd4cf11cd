"""What each cloud bills for a stack beside its GPU machines: which services, and how much of each. Pure.

Quantities only; prices are rows of the catalogue (``services.yaml``). Tests hold the disk sizes against what
``elastic_vllm/clouds`` asks for, which cannot be imported here: it would load a cloud's SDK.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from elastic_vllm.catalog import MachineRow
from elastic_vllm.spec import AwsCluster, ClusterSpec, GcpCluster, LocalCluster

AWS_SYSTEM_DISK_GIB = 104
AWS_GPU_DISK_GIB = 204
AWS_GPU_DISK_THROUGHPUT = 500
AWS_FREE_THROUGHPUT = 125
AWS_ENDPOINTS = 2
"""Interface endpoints in each zone: those of ECR."""
GCP_SYSTEM_DISK_GIB = 100
GCP_GPU_DISK_GIB = 200
GCP_HYPERDISK_MACHINES = ("a3-ultragpu-", "a4-", "g4-")
GCP_LOCAL_SSD_APART = ("g2-",)
"""Families whose price does not include their local SSD."""

_ALWAYS_EXCLUDED = (
    "taxes, discounts, commitments and free tiers",
    "traffic: out to the internet, between zones, through NAT, by the GiB",
    "logs, metrics and traces",
    "encryption keys, and requests to any API",
    "the bucket with the weights, and fetching them once",
    "volumes that compile caches are kept on",
)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Units of each service, by its name in the catalogue."""

    fixed: Mapping[str, float]
    """There as long as the stack is."""
    per_gpu_node: Mapping[str, float]
    """With each GPU node, besides the machine."""
    region: str | None
    """Where the stack runs; ``None`` where nothing is billed."""
    excluded: tuple[str, ...]
    """What no figure contains."""


def bill(cluster: ClusterSpec, machine: MachineRow | None = None) -> Bill:
    """What this cluster is billed; ``per_gpu_node`` is that of a pool with this machine."""
    match cluster:
        case LocalCluster():
            nothing = (f"everything: nodes are simulated, at the prices of {cluster.machines} machines",)
            return Bill(fixed={}, per_gpu_node={}, region=None, excluded=nothing)
        case AwsCluster():
            return _aws(cluster)
        case GcpCluster():
            return _gcp(cluster, machine)
        case _:
            assert_never(cluster)


def _aws(cluster: AwsCluster) -> Bill:
    zones, gateways = len(cluster.node_zones), 1
    if cluster.network.nat == "per-zone":
        gateways = zones
    return Bill(
        fixed={
            f"control-plane-{cluster.control_plane_tier}": 1,
            cluster.system_machine: cluster.system_nodes,
            "disk-gib": cluster.system_nodes * AWS_SYSTEM_DISK_GIB,
            "nat-gateway": gateways,
            "public-address": gateways,
            "endpoint": zones * AWS_ENDPOINTS,
        },
        per_gpu_node={
            "disk-gib": AWS_GPU_DISK_GIB,
            "disk-throughput": AWS_GPU_DISK_THROUGHPUT - AWS_FREE_THROUGHPUT,
        },
        region=cluster.region,
        excluded=_ALWAYS_EXCLUDED,
    )


def _gcp(cluster: GcpCluster, machine: MachineRow | None) -> Bill:
    nodes, name = len(cluster.node_zones), machine.name if machine else ""
    disk = "hyperdisk-balanced" if name.startswith(GCP_HYPERDISK_MACHINES) else "pd-balanced"
    ssd = machine.local_disk_gb if machine and name.startswith(GCP_LOCAL_SSD_APART) else 0
    return Bill(
        fixed={
            "control-plane": 1,
            cluster.system_machine: nodes,
            "pd-balanced": nodes * GCP_SYSTEM_DISK_GIB,
            "nat-machine": nodes,
            "public-address": 1,
        },
        per_gpu_node={disk: GCP_GPU_DISK_GIB, "nat-machine": 1} | ({"local-ssd": ssd} if ssd else {}),
        region=cluster.region,
        excluded=(*_ALWAYS_EXCLUDED, "system nodes that GKE adds above one in each zone"),
    )
