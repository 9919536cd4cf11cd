"""The services that Google Cloud bills beside GPU machines, and units of each. Pure; imports no SDK.

Prices are rows of ``catalogue.yaml``.
"""

from elastic_vllm.catalog import MachineRow
from elastic_vllm.clouds.facts import ALWAYS_EXCLUDED, Bill
from elastic_vllm.clouds.gcp.spec import GcpSettings

SYSTEM_DISK = "pd-balanced"
SYSTEM_DISK_GB = 100
"""Room for vLLM's image: Jobs that fetch weights run it."""
GPU_DISK_GB = 200
"""The vLLM image unpacks to tens of gigabytes."""


def bill(cluster: GcpSettings, machine: MachineRow | None) -> Bill:
    """Control plane, system nodes and the way out; disks and NAT with each GPU node."""
    nodes = len(cluster.node_zones)
    return Bill(
        fixed={
            "control-plane": 1,
            cluster.system_machine: nodes,
            SYSTEM_DISK: nodes * SYSTEM_DISK_GB,
            "nat-machine": nodes,
            "public-address": 1,
        },
        per_gpu_node=_with_each(machine) if machine else {},
        region=cluster.region,
        zones=cluster.node_zones,
        excluded=(*ALWAYS_EXCLUDED, "system nodes that GKE adds above one in each zone"),
    )


def boot_disk(machine: MachineRow) -> str:
    """The kind of boot disk of a GPU machine; newer families boot from Hyperdisk only."""
    if machine.boot_disk is None:
        raise LookupError(f"the catalogue's row of {machine.name} has no bootDisk")
    return machine.boot_disk


def _with_each(machine: MachineRow) -> dict[str, float]:
    local = {"local-ssd": machine.local_disk_gb} if machine.local_disk_extra else {}
    return {boot_disk(machine): GPU_DISK_GB, "nat-machine": 1, **local}
