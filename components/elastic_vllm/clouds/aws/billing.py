"""The services that AWS bills beside GPU machines, and how many units of each. Pure; imports no SDK.

Prices are rows of ``catalogue.yaml``.
"""

from datetime import date

from elastic_vllm.catalog import MachineRow, kubernetes_support
from elastic_vllm.clouds.aws.spec import AwsSettings
from elastic_vllm.clouds.facts import ALWAYS_EXCLUDED, Bill

SYSTEM_VOLUME_GIB = 4
"""Bottlerocket's own volume, on every node."""
SYSTEM_DATA_GIB = 100
"""Room for vLLM's image on system nodes: Jobs that fetch weights run it."""
GPU_DATA_GIB = 200
"""The vLLM image unpacks to tens of gigabytes."""
LOGS_GIB = 20
"""Beside a machine's own disks, which hold images and pods."""
GPU_DISK_THROUGHPUT = 500
FREE_THROUGHPUT = 125
"""MiB/s that the price of a gp3 volume includes."""
ENDPOINTS = 2
"""Interface endpoints in each zone: those of ECR."""


def bill(cluster: AwsSettings, machine: MachineRow | None) -> Bill:
    """Control plane, system nodes and the way out; a disk with each GPU node, whatever its machine."""
    own_disks = machine is not None and uses_local_disks(cluster, machine)
    return Bill(
        fixed={
            **({} if cluster.existing else _own_cluster(cluster)),
            **({} if cluster.network.existing else _own_network(cluster)),
        },
        per_gpu_node={"disk-gib": SYSTEM_VOLUME_GIB + LOGS_GIB}
        if own_disks
        else {
            "disk-gib": SYSTEM_VOLUME_GIB + GPU_DATA_GIB,
            "disk-throughput": GPU_DISK_THROUGHPUT - FREE_THROUGHPUT,
        },
        region=cluster.region,
        zones=cluster.node_zones,
        control_plane_zones=() if cluster.existing else cluster.first_zones,
        excluded=(
            *(("the existing cluster: its control plane and its own nodes",) if cluster.existing else ()),
            *(("the existing network and its ways out",) if cluster.network.existing else ()),
            *ALWAYS_EXCLUDED,
        ),
    )


def _own_cluster(cluster: AwsSettings) -> dict[str, float]:
    return {
        f"control-plane-{cluster.control_plane_tier}": 1,
        **({"control-plane-extended": 1} if in_extended_support(cluster) else {}),
        cluster.system_machine: cluster.system_nodes,
        "disk-gib": cluster.system_nodes * (SYSTEM_VOLUME_GIB + SYSTEM_DATA_GIB),
    }


def _own_network(cluster: AwsSettings) -> dict[str, float]:
    gateways = nat_gateways(cluster)
    return {
        "nat-gateway": gateways,
        "public-address": gateways,
        "endpoint": len(cluster.node_zones) * ENDPOINTS,
    }


def uses_local_disks(cluster: AwsSettings, machine: MachineRow) -> bool:
    """Whether the machine's own disks take the place of the data volume, whose snapshot they would hide."""
    return bool(machine.local_disk_gb) and cluster.image_snapshot is None


def in_extended_support(cluster: AwsSettings) -> bool:
    """Whether the standard support of the cluster's Kubernetes version has ended."""
    row = kubernetes_support(cluster.cloud).get(cluster.kubernetes)
    return row is not None and row.standard_until < date.today()  # noqa: DTZ011  # the table's dates are plain


def nat_gateways(cluster: AwsSettings) -> int:
    """NAT gateways, each with a public address."""
    if cluster.network.existing:
        return 0
    return len(cluster.node_zones) if cluster.network.nat == "per-zone" else 1
