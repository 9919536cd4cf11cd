"""The quotas to ask a cloud for, so that a stack can be as large as it declares. Pure; imports no Pulumi.

Counted at the ceiling: every pool at ``maxNodes``, and twice where it may be Spot or on demand, since nobody
knows which it will be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elastic_vllm import catalog
from elastic_vllm.catalog import MachineRow, Purchase, QuotaRow
from elastic_vllm.estimate import bill
from elastic_vllm.estimate.placement import machine_of
from elastic_vllm.spec import AwsCluster, GcpCluster, LocalCluster, NodePoolSpec
from elastic_vllm.spec.stack import StackConfig

SYSTEM_HEADROOM = 2
"""Nodes that a cluster's own pods may grow by where their pool is autoscaled."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One line to ask for."""

    name: str
    """The cloud's code of it, or what its console finds it by."""
    title: str
    needed: int
    unit: str
    because: tuple[str, ...]
    """Which machines add up to it."""
    estimated: bool
    """Whether its name is our guess."""


@dataclass(frozen=True, kw_only=True)
class _Demand:
    """Machines of one kind that may run at once, bought in one way."""

    who: str
    machine: str
    nodes: int
    purchase: Purchase
    vcpus: int = 0
    gpus: int = 0
    local_disk_gb: int = 0
    boot_disk_gb: int = 0
    hyperdisk_gb: int = 0

    def counted(self, row: QuotaRow) -> int:
        """What these machines take of a quota."""
        amounts = {
            "addresses": 1,
            "vCPUs": self.vcpus,
            "GPUs": self.gpus,
            "local disk GB": self.local_disk_gb,
            "boot disk GB": self.boot_disk_gb,
            "hyperdisk GB": self.hyperdisk_gb,
        }
        named = not row.families or self.machine.startswith(row.families)
        return self.nodes * amounts[row.counts] if named and self.purchase in row.buys else 0


def quotas(config: StackConfig) -> tuple[Quota, ...]:
    """What to ask for in the stack's region; nothing for the embedded cluster."""
    if isinstance(config.cluster, LocalCluster):
        return ()
    return _counted(config, [*_gpu_nodes(config), *_other_machines(config.cluster)])


def of_pool(config: StackConfig, pool: NodePoolSpec) -> tuple[Quota, ...]:
    """What one pool's GPU nodes count against; nothing on the embedded cluster."""
    if isinstance(config.cluster, LocalCluster):
        return ()
    return _counted(config, [*_of_pool(config, pool)])


def _counted(config: StackConfig, demands: Sequence[_Demand]) -> tuple[Quota, ...]:
    found = []
    for row in catalog.quotas(config.cluster.catalogue).values():
        taking = [demand for demand in demands if demand.counted(row)]
        if taking:
            found.append(
                Quota(
                    name=row.name,
                    title=row.title,
                    needed=sum(demand.counted(row) for demand in taking),
                    unit=row.counts,
                    because=tuple(f"{each.nodes} x {each.machine} ({each.who})" for each in taking),
                    estimated=row.estimated,
                )
            )
    return tuple(found)


def _gpu_nodes(config: StackConfig) -> Iterator[_Demand]:
    for pool in config.pools:
        yield from _of_pool(config, pool)


def _of_pool(config: StackConfig, pool: NodePoolSpec) -> Iterator[_Demand]:
    machine = machine_of(config, pool)
    if machine is not None:
        for purchase, nodes in _purchases(pool):
            yield _of(machine, f"pool {pool.name}", nodes, purchase)


def _of(machine: MachineRow, who: str, nodes: int, purchase: Purchase) -> _Demand:
    disk = bill.GCP_GPU_DISK_GIB if machine.cloud == "gcp" else 0
    hyper = machine.name.startswith(bill.GCP_HYPERDISK_MACHINES)
    return _Demand(
        who=who if purchase == "on-demand" else f"{who}, {purchase}",
        machine=machine.name,
        nodes=nodes,
        purchase=purchase,
        vcpus=machine.cpu,
        gpus=machine.gpus,
        local_disk_gb=machine.local_disk_gb,
        boot_disk_gb=0 if hyper else disk,
        hyperdisk_gb=disk if hyper else 0,
    )


def _purchases(pool: NodePoolSpec) -> Iterator[tuple[Purchase, int]]:
    """The most nodes that may be bought in each way. A floor is never Spot where on demand may be had."""
    match pool.capacity:
        case "spot-then-on-demand":
            if pool.max_nodes > pool.min_nodes:
                yield "spot", pool.max_nodes - pool.min_nodes
            yield "on-demand", pool.max_nodes
        case "reserved":
            if pool.reservation and not pool.reservation.block:
                yield "reserved", pool.max_nodes
        case "on-demand" | "spot" | "flex-start":
            yield pool.capacity, pool.max_nodes


def _other_machines(cluster: AwsCluster | GcpCluster) -> Iterator[_Demand]:
    """The system nodes with the most that they may grow or be replaced by, and the ways out."""
    cloud, zones = cluster.catalogue, len(cluster.node_zones)
    nodes = cluster.system_nodes + 1 if isinstance(cluster, AwsCluster) else zones + SYSTEM_HEADROOM
    yield _Demand(
        who="system nodes",
        machine=cluster.system_machine,
        nodes=nodes,
        purchase="on-demand",
        vcpus=catalog.vcpus_of(cloud, cluster.system_machine),
        boot_disk_gb=bill.GCP_SYSTEM_DISK_GIB if cloud == "gcp" else 0,
    )
    if isinstance(cluster, AwsCluster):
        gateways = zones if cluster.network.nat == "per-zone" else 1
        yield _Demand(who="one address each", machine="nat-gateway", nodes=gateways, purchase="on-demand")
