"""Kinds of finding for what a cloud refuses. Each cloud's ``rules.py`` says when; no SDK is imported."""

from collections.abc import Iterator

from elastic_vllm.catalog import CatalogueError, CloudName, machine_for, machines
from elastic_vllm.clouds.docker_hub import PULLS, repository
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.finding import Finding, Kind
from elastic_vllm.spec.stack import StackConfig

SPOT = ("spot", "spot-then-on-demand")
NODES_OF_ONE_ADDRESS = 20
"""From here on one wave of new nodes takes a good part of what Docker Hub allows."""

NOT_ON_DEMAND = Kind(
    id="not-on-demand",
    family="capacity",
    severity="error",
    lowered="warning",
    title="A machine that is not sold on demand",
    why="By the catalogue's source it is sold as Spot, by flex-start or by reservation only, so no node "
    "comes. A warning where nodes are simulated, which come all the same.",
)
CAPACITY = Kind(
    id="capacity-not-sold",
    family="capacity",
    severity="error",
    title="A way of buying that the cloud does not have",
    why="The cloud would refuse the pool after everything else is made. The message names the nearest way of "
    "buying that it has.",
)
RESERVATION = Kind(
    id="reservation-unusable",
    family="capacity",
    severity="error",
    title="A reservation that the pool's nodes cannot use",
    why="Its name has the wrong form, or it is in a zone that the cluster does not have: no node could come "
    "from it. Copy the name from the cloud's console, and add the zone to `cluster.zones`.",
)
POOL_ZONE = Kind(
    id="pool-zone",
    family="capacity",
    severity="error",
    title="A pool in a zone that the cluster does not have",
    why="The cloud would refuse the pool, or no node would ever come. Add the zone to `cluster.zones`, or "
    "choose among the cluster's zones.",
)
ADDRESSES = Kind(
    id="too-few-addresses",
    family="capacity",
    severity="error",
    title="A range with too few addresses for the nodes",
    why="Nodes or their pods would get no address when the pools grow, and the range cannot be changed "
    "later. Choose a larger one, or lower `maxNodes`.",
)
SYSTEM_MACHINE = Kind(
    id="system-machine",
    family="capacity",
    severity="error",
    title="A machine that cannot carry the cluster's own pods",
    why="The cloud would refuse the machine with its disk, or the cluster's own pods do not run on it: their "
    "images are for x86, and they need two cores of their own. Use the default.",
)
DRIVER = Kind(
    id="driver-too-old",
    family="capacity",
    severity="error",
    title="An accelerator that the node image has no driver for",
    why="The machines would boot, and their GPUs would never appear: every replica stays Pending while the "
    "nodes are paid for. Use an accelerator that the image supports.",
)
POOL_NAME = Kind(
    id="pool-name-too-long",
    family="capacity",
    severity="error",
    title="A pool name that is too long for the cloud",
    why="The cloud's own name of the node pool is this name with a suffix, and the cloud limits its length. "
    "It would refuse the pool after the cluster is made. Shorten the name.",
)
AUTOSCALER_SETTING = Kind(
    id="autoscaler-setting",
    family="scaling",
    severity="error",
    title="A setting that the cloud's node autoscaler does not have",
    why="It would be ignored, and nodes would be given back by other rules than the file says. Leave it out, "
    "or use a node autoscaler that has it.",
)
SEVERAL_MACHINES = Kind(
    id="one-machine-type",
    family="capacity",
    severity="error",
    title="Several machines where a pool has one type",
    why="A node pool of GKE and a managed node group under cluster-autoscaler have one machine type. Name "
    "one in `machine`, and make another pool for another.",
)
DOCKER_HUB = Kind(
    id="docker-hub-limit",
    family="lifecycle",
    severity="info",
    title="Many nodes that pull from Docker Hub by one address",
    why="Docker Hub limits what is pulled by one address without an account, and each new node pulls. Over "
    "the limit pods stay in ImagePullBackOff for hours. Mirror the image, or pull it through a cache: "
    "`cluster.imageCache` on AWS.",
)
KUBERNETES = Kind(
    id="kubernetes-unsupported",
    family="capacity",
    severity="error",
    title="A Kubernetes version that the cloud or the node image lacks",
    why="The control plane would be refused, billed as extended support, or get nodes of another version. "
    "Use one of the versions that the message names.",
)
SPOT_NOTICE = Kind(
    id="spot-notice",
    family="lifecycle",
    severity="warning",
    title="A drain that is longer than the notice of a Spot machine",
    why="A Spot machine is gone when its notice is over, whatever the pod's grace: answers still in flight "
    "are cut. Keep the sum of `drain` within the notice, or keep long answers off Spot.",
)
SINGLE_MACHINE = Kind(
    id="single-machine-type",
    family="capacity",
    severity="info",
    title="A pool in production that can use one machine type alone",
    why="GPU machines run out, one type in one zone at a time. A pool with several machines of the same GPUs "
    "takes whichever there is: `machines` instead of `machine`.",
)
LONG_UP = Kind(
    id="long-first-up",
    family="lifecycle",
    severity="info",
    title="A first `pulumi up` that outlives an hour's credentials",
    why="It waits for the weights before any GPU node is paid for. Assumed roles and CI sessions end after "
    "an hour unless asked otherwise, and the run then stops in the middle: ask for a session of four hours "
    "(`--duration-seconds 14400`, `role-duration-seconds` in CI), or run `pulumi up` again.",
)
CLOSED = Kind(
    id="closed-endpoint",
    family="security",
    severity="info",
    title="A control plane that answers inside its network alone",
    why="Right where the program runs inside the VPC, or is joined to it. From elsewhere `pulumi up` makes "
    "the cluster, and then cannot reach it. List the public addresses that you deploy from.",
)
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
