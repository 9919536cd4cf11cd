"""What a cluster on Google Cloud takes of its project's quotas beside GPUs. Pure; imports no SDK."""

from collections.abc import Iterator, Mapping

from elastic_vllm.catalog import CatalogueError, Counted, MachineRow, machines
from elastic_vllm.clouds.facts import Demand
from elastic_vllm.clouds.gcp import billing
from elastic_vllm.clouds.gcp.spec import GcpSettings

EXAMPLE = "e2-standard-4"
HEADROOM_NODES = 2
"""Nodes that the cluster's own pods may grow by."""
GENERAL = tuple("cent")
"""What the names of the machines begin with whose CPUs count as one family."""
UNITS: Mapping[str, Counted] = {"pd-balanced": "boot disk GB", "hyperdisk-balanced": "hyperdisk GB"}


def node_disks(machine: MachineRow) -> Mapping[Counted, int]:
    """The boot disk of a GPU node."""
    return {UNITS[billing.boot_disk(machine)]: billing.GPU_DISK_GB}


def other_demand(cluster: GcpSettings) -> Iterator[Demand]:
    """The system nodes at their most."""
    machine = cluster.system_machine
    disk = {UNITS[billing.SYSTEM_DISK]: billing.SYSTEM_DISK_GB}
    yield Demand(
        who="system nodes",
        machine=machine,
        family=family_of(machine),
        nodes=len(cluster.node_zones) + HEADROOM_NODES,
        amounts={"machines": 1, "vCPUs": vcpus_of(machine), **disk},
    )


def family_of(machine: str) -> str:
    """The family of quotas that count a machine; none where the catalogue has no such quota."""
    if row := machines("gcp").get(machine):
        return row.quota_family
    return "general" if machine.startswith(GENERAL) else ""


def vcpus_of(machine: str) -> int:
    """The vCPUs of a machine without GPUs, as its name has them: ``e2-standard-4`` has 4."""
    size = machine.rpartition("-")[2]
    if not size.isdigit():
        raise CatalogueError(f"the name of {machine} does not tell its vCPUs; take one as in {EXAMPLE}")
    return int(size)
