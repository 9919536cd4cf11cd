"""What a cluster on Google Cloud takes of its project's quotas beside GPUs. Pure; imports no SDK."""

import re
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
SHARED_CORE: Mapping[str, int] = {"e2-micro": 2, "e2-small": 2, "e2-medium": 2, "f1-micro": 1, "g1-small": 1}
"""Machines that share cores, and the vCPUs that quotas count of each."""
_SIZE = re.compile(r"(?:[a-z0-9]+-)?custom-(\d+)-\d+(?:-ext)?|[a-z0-9]+-[a-z]+-(\d+)(?:-[a-z]+)?")
UNITS: Mapping[str, Counted] = {"pd-balanced": "boot disk GB", "hyperdisk-balanced": "hyperdisk GB"}


def node_disks(machine: MachineRow) -> Mapping[Counted, int]:
    """The boot disk of a GPU node."""
    return {UNITS[billing.boot_disk(machine)]: billing.GPU_DISK_GB}


def other_demand(cluster: GcpSettings) -> Iterator[Demand]:
    """The system nodes at their most, and the address of the NAT; nothing of what exists."""
    if cluster.existing:
        return
    machine = cluster.system_machine
    disk = {UNITS[billing.SYSTEM_DISK]: billing.SYSTEM_DISK_GB}
    yield Demand(
        who="system nodes",
        machine=machine,
        family=family_of(machine),
        nodes=len(cluster.node_zones) + HEADROOM_NODES,
        amounts={"machines": 1, "vCPUs": vcpus_of(machine), **disk},
    )
    if cluster.makes_network:
        yield Demand(
            who="one address each", machine="Cloud NAT", family="address", nodes=1, amounts={"addresses": 1}
        )


def family_of(machine: str) -> str:
    """The family of quotas that count a machine; none where the catalogue has no such quota."""
    if row := machines("gcp").get(machine):
        return row.quota_family
    return "general" if machine.startswith(GENERAL) else ""


def vcpus_of(machine: str) -> int:
    """The vCPUs of a machine without GPUs, as its name has them: ``n2-custom-4-8192`` has 4."""
    if machine in SHARED_CORE:
        return SHARED_CORE[machine]
    match = _SIZE.fullmatch(machine)
    if match is None:
        raise CatalogueError(f"the name of {machine} does not tell its vCPUs; take one as in {EXAMPLE}")
    return int(match.group(1) or match.group(2))
