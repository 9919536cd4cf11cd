"""The quotas to ask a cloud for, so that a stack can be as large as it declares. Pure; imports no Pulumi.

Counted at the ceiling: every pool at ``maxNodes``, and twice where it may be Spot or on demand, since it
is not known which it will be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elastic_vllm.catalog import Purchase
from elastic_vllm.clouds.facts import Demand
from elastic_vllm.estimate.placement import machine_of
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.stack import StackConfig


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


def quotas(config: StackConfig) -> tuple[Quota, ...]:
    """The quotas to ask for in the stack's region; none for the embedded cluster."""
    demands = [demand for pool in config.pools for demand in _of_pool(config, pool)]
    return _counted(config, [*demands, *config.cluster.other_demand()])


def of_pool(config: StackConfig, pool: NodePoolSpec) -> tuple[Quota, ...]:
    """The quotas that one pool's GPU nodes count against; none on the embedded cluster."""
    return _counted(config, [*_of_pool(config, pool)])


def _counted(config: StackConfig, demands: Sequence[Demand]) -> tuple[Quota, ...]:
    found = []
    for row in config.cluster.quota_rows().values():
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


def _of_pool(config: StackConfig, pool: NodePoolSpec) -> Iterator[Demand]:
    machine = machine_of(config, pool)
    if machine is None:
        return
    disks = config.cluster.node_disks(machine)
    for purchase, nodes in _purchases(pool, config.cluster.replacing(pool.min_nodes)):
        yield Demand(
            who=f"pool {pool.name}" if purchase == "on-demand" else f"pool {pool.name}, {purchase}",
            machine=machine.name,
            family=machine.quota_family,
            nodes=nodes,
            amounts={
                "machines": 1,
                "vCPUs": machine.cpu,
                "GPUs": machine.gpus,
                "local disk GB": machine.local_disk_gb,
                **disks,
            },
            purchase=purchase,
        )


def _purchases(pool: NodePoolSpec, replacing: int) -> Iterator[tuple[Purchase, int]]:
    """How many nodes may be bought in each way at most. A floor is never Spot where on demand may be had."""
    most = pool.max_nodes + replacing
    match pool.capacity:
        case "spot-then-on-demand":
            if pool.max_nodes > pool.min_nodes:
                yield "spot", pool.max_nodes - pool.min_nodes
            yield "on-demand", most
        case "reserved":
            if pool.reservation and not pool.reservation.block:
                yield "reserved", most
        case "on-demand" | "spot" | "flex-start":
            yield pool.capacity, most
