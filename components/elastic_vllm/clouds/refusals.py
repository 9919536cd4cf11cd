"""Kinds of finding for what a cloud refuses. Each cloud's ``rules.py`` says when; no SDK is imported."""

from collections.abc import Iterator

from elastic_vllm.catalog import CatalogueError, CloudName, machine_for, machines
from elastic_vllm.clouds.docker_hub import PULLS, repository
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.finding import Finding, kind
from elastic_vllm.spec.stack import StackConfig

SPOT = ("spot", "spot-then-on-demand")
NODES_OF_ONE_ADDRESS = 20
"""From here on one wave of new nodes takes a good part of what Docker Hub allows."""

NOT_ON_DEMAND = kind("not-on-demand")
CAPACITY = kind("capacity-not-sold")
RESERVATION = kind("reservation-unusable")
POOL_ZONE = kind("pool-zone")
ADDRESSES = kind("too-few-addresses")
SYSTEM_MACHINE = kind("system-machine")
DRIVER = kind("driver-too-old")
POOL_NAME = kind("pool-name-too-long")
AUTOSCALER_SETTING = kind("autoscaler-setting")
SEVERAL_MACHINES = kind("one-machine-type")
DOCKER_HUB = kind("docker-hub-limit")
KUBERNETES = kind("kubernetes-unsupported")
SPOT_NOTICE = kind("spot-notice")
SINGLE_MACHINE = kind("single-machine-type")
LONG_UP = kind("long-first-up")
CLOSED = kind("closed-endpoint")
KINDS = (
    NOT_ON_DEMAND,
    CAPACITY,
    RESERVATION,
    POOL_ZONE,
    ADDRESSES,
    SYSTEM_MACHINE,
    DRIVER,
    POOL_NAME,
    AUTOSCALER_SETTING,
    SEVERAL_MACHINES,
    DOCKER_HUB,
    KUBERNETES,
    SPOT_NOTICE,
    SINGLE_MACHINE,
    LONG_UP,
    CLOSED,
)
"""All of them, for the register of the rules."""


def not_on_demand(
    key: str, cloud: CloudName, pool: NodePoolSpec, *, lower: bool = False
) -> Iterator[Finding]:
    """A pool that buys on demand what the catalogue says is not sold so."""
    try:
        machine = machine_for(cloud, pool.accelerator, pool.gpus_per_node, pool.chosen)
    except CatalogueError:
        return
    bought = ("on-demand",) if lower else ("on-demand", "spot-then-on-demand")
    if pool.capacity in bought and not machine.on_demand:
        yield NOT_ON_DEMAND.at(
            f"{key}.capacity",
            f"{machine.name} is not sold on demand; use capacity: spot, flex-start or reserved",
            pool.name,
            lower=lower,
        )


def one_machine_type(key: str, pool: NodePoolSpec, what: str) -> Iterator[Finding]:
    """Several machines where ``what`` can have one."""
    if len(pool.machines) > 1:
        yield SEVERAL_MACHINES.at(
            f"{key}.machines",
            f"{what} has one machine type, and {len(pool.machines)} are named; leave one, as in "
            f"machine: {pool.machines[0]}",
            pool.name,
        )


def docker_hub(config: StackConfig, addresses: int) -> Iterator[Finding]:
    """Images that every new node pulls from Docker Hub, by few addresses."""
    nodes = sum(pool.max_nodes for pool in config.pools)
    if nodes < NODES_OF_ONE_ADDRESS * addresses:
        return
    for index, model in enumerate(config.models):
        if repository(config.cluster.pulled(model.engine.image)) is not None:
            yield DOCKER_HUB.at(
                f"models[{index}].engine.image",
                f"{model.engine.image} is on Docker Hub, which lets one address pull {PULLS} times in six "
                f"hours, and up to {nodes} nodes pull by {addresses}; name a mirror, or set a cache of it",
                model.name,
            )


def spot_notice(config: StackConfig, seconds: int | None) -> Iterator[Finding]:
    """Models on Spot machines whose pods want longer to end than the cloud waits."""
    spot = {pool.name for pool in config.pools if pool.capacity in SPOT}
    for index, model in enumerate(config.models):
        grace = model.drain.grace_seconds
        if seconds is not None and model.pool in spot and grace > seconds:
            yield SPOT_NOTICE.at(
                f"models[{index}].drain",
                f"{grace} s in all, but a Spot machine is gone {seconds} s after its notice; keep the sum of "
                f"propagationSeconds, finishSeconds and marginSeconds within {seconds}, or buy on demand",
                model.name,
            )


def single_machine(config: StackConfig) -> Iterator[Finding]:
    """Pools in production that could use other machines with the same GPUs, and name one."""
    cloud = config.cluster.catalogue
    for index, pool in enumerate(config.pools):
        alike = [
            row
            for row in machines(cloud).values()
            if (row.accelerator, row.gpus) == (pool.accelerator, pool.gpus_per_node)
        ]
        if config.environment != "production" or pool.machines or pool.reservation or len(alike) < 2:
            continue
        try:
            one = machine_for(cloud, pool.accelerator, pool.gpus_per_node, pool.chosen)
        except CatalogueError:
            continue
        at_least = [row.name for row in alike if row.memory_mib >= one.memory_mib and row.name != one.name]
        if at_least:
            yield SINGLE_MACHINE.at(
                f"pools[{index}].{pool.machine_key}",
                f"{one.name} alone: when the zones have none left, no node comes; machines: "
                f"[{one.name}, {at_least[0]}] takes either (planned at the dearer)",
                pool.name,
            )


def zones(key: str, pool: NodePoolSpec, having: tuple[str, ...]) -> Iterator[Finding]:
    """A pool, or its reservation, in a zone where the cluster has no nodes."""
    held = pool.reservation
    if held and held.zone not in having:
        yield RESERVATION.at(
            f"{key}.reservation.zone",
            f"{held.zone} is not one of the cluster's zones ({', '.join(having)}); add it to cluster.zones, "
            "or use a reservation in one of them",
            pool.name,
        )
    for index, zone in enumerate(pool.zones):
        if zone not in having:
            yield POOL_ZONE.at(
                f"{key}.zones[{index}]",
                f"{zone} is not one of the cluster's zones ({', '.join(having)}); add it to cluster.zones, "
                "or leave it out",
                pool.name,
            )
