"""The services that Google Cloud bills beside GPU machines, and units of each. Pure; imports no SDK.

Prices are rows of ``catalogue.yaml``.
"""

from collections.abc import Iterator

from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.facts import ALWAYS_EXCLUDED, Bill
from elastic_vllm.clouds.gcp.spec import GcpSettings

SYSTEM_DISK = "pd-balanced"
SYSTEM_DISK_GB = 100
"""Room for vLLM's image: Jobs that fetch weights run it."""
GPU_DISK_GB = 200
"""The vLLM image unpacks to tens of gigabytes."""


def bill(cluster: GcpSettings, machine: MachineRow | None) -> Bill:
    """Control plane, system nodes and the way out; disks and NAT with each GPU node. Not what exists."""
    nodes = len(cluster.node_zones)
    made = {"control-plane": 1, cluster.system_machine: nodes, SYSTEM_DISK: nodes * SYSTEM_DISK_GB}
    way_out = {"nat-machine": nodes, "public-address": 1}
    return Bill(
        fixed={
            **({} if cluster.existing else made),
            **(way_out if cluster.makes_network else {}),
        },
        per_gpu_node=_with_each(machine, nat=cluster.makes_network) if machine else {},
        region=cluster.region,
        zones=cluster.node_zones,
        excluded=(*ALWAYS_EXCLUDED, *_excluded(cluster)),
    )


def _excluded(cluster: GcpSettings) -> Iterator[str]:
    if cluster.existing:
        yield "the cluster that exists, with its network and nodes"
        return
    yield "system nodes that GKE adds above one in each zone"
    if not cluster.makes_network:
        yield "the network that exists, with its way out"


def boot_disk(machine: MachineRow) -> str:
    """The kind of boot disk of a GPU machine; newer families boot from Hyperdisk only."""
    if machine.boot_disk is None:
        raise LookupError(f"the catalogue's row of {machine.name} has no bootDisk")
    return machine.boot_disk


def _with_each(machine: MachineRow, *, nat: bool) -> dict[str, float]:
    local = {"local-ssd": machine.local_disk_gb} if machine.local_disk_extra else {}
    return {boot_disk(machine): GPU_DISK_GB, **({"nat-machine": 1} if nat else {}), **local}
