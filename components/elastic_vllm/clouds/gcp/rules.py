"""What Google Cloud and GKE's autoscaler refuse, as findings. Imports no SDK."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from elastic_vllm.clouds import refusals
from elastic_vllm.clouds.gcp import billing, naming, quotas
from elastic_vllm.clouds.meanings import meanings
from elastic_vllm.spec import GcpCluster, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import Finding
from elastic_vllm.spec.stack import StackConfig

RESERVED_ADDRESSES = 4
"""Addresses of a subnetwork that Google keeps."""


def check(cluster: GcpCluster, config: StackConfig) -> Iterator[Finding]:
    """Everything that Google Cloud would refuse of the stack."""
    for index, pool in enumerate(config.pools):
        yield from of_pool(f"pools[{index}]", cluster, pool, f"{pool.name}-nodes")
    yield from of_autoscaler(config.autoscaler)
    if cluster.makes_network:
        yield from _addresses(cluster, most_nodes(cluster, config))
    yield from _system_machine(cluster.system_machine)


def most_nodes(cluster: GcpCluster, config: StackConfig) -> int:
    """Nodes that there may be at once: both halves of a pool count, since each has its own maximum."""
    spot = sum(pool.max_nodes - pool.min_nodes for pool in config.pools if naming.has_spot(pool))
    gpu = sum(pool.max_nodes for pool in config.pools) + spot
    return len(cluster.node_zones) + quotas.HEADROOM_NODES + gpu


def _addresses(cluster: GcpCluster, nodes: int) -> Iterator[Finding]:
    """GKE takes a range of pod addresses for each node, and Google four addresses of the subnetwork."""
    each = int(str(meanings("gcp").value("pods-of-a-node")))
    pods, own = (IPv4Network(text) for text in (cluster.network.pods, cluster.network.nodes))
    rooms = (
        ("pods", pods, 2**each // 2**pods.prefixlen, each - (nodes - 1).bit_length()),
        ("nodes", own, own.num_addresses - RESERVED_ADDRESSES, 32 - (nodes + 3).bit_length()),
    )
    for key, given, room, needed in rooms:
        if room < nodes:
            by = f" by a /{each} for each" if key == "pods" else ""
            yield refusals.ADDRESSES.at(
                f"cluster.network.{key}",
                f"{given} has room for {room} nodes{by}, and there may be {nodes}; take a /{needed}, or "
                "lower maxNodes",
            )


def _system_machine(machine: str) -> Iterator[Finding]:
    series, table = machine.partition("-")[0], meanings("gcp")
    found = []
    if series in str(table.value("arm-series")).split():
        found.append("its series is Arm, and the images of the cluster's own pods are for x86")
    if series in str(table.value("hyperdisk-only-series")).split():
        found.append(f"its series does not take {billing.SYSTEM_DISK}")
    if machine in quotas.SHARED_CORE:
        found.append("it shares cores, and the cluster's own pods need two")
    if found:
        yield refusals.SYSTEM_MACHINE.at(
            "cluster.systemMachine", f"{machine} cannot be used: {found[0]}; use one as in {quotas.EXAMPLE}"
        )


def of_pool(key: str, cluster: GcpCluster, pool: NodePoolSpec, resource: str) -> Iterator[Finding]:
    """What Google Cloud would refuse of one pool, which lies at ``key`` and is registered as ``resource``."""
    yield from _name(key, pool, resource)
    yield from refusals.one_machine_type(key, pool, "a node pool of GKE")
    yield from refusals.not_on_demand(key, "gcp", pool)
    if pool.capacity == "flex-start" and pool.min_nodes:
        yield refusals.CAPACITY.at(
            f"{key}.minNodes",
            f"{pool.min_nodes} with capacity: flex-start, whose machines are taken back after seven days; "
            "set 0, or use another capacity",
            pool.name,
        )
    if pool.reservation and pool.reservation.block:
        yield refusals.CAPACITY.at(
            f"{key}.reservation.block",
            "Google Cloud has no capacity blocks; use a future reservation: its name without block",
            pool.name,
        )
    yield from refusals.zones(key, pool, cluster.node_zones)


def _name(key: str, pool: NodePoolSpec, resource: str) -> Iterator[Finding]:
    longest = naming.spot(resource) if naming.has_spot(pool) else resource
    excess = len(longest) + naming.SUFFIX_LENGTH - naming.MAX_NODE_POOL_LENGTH
    if excess > 0:
        yield refusals.POOL_NAME.at(
            f"{key}.name",
            f"{len(pool.name)} characters are too many: GKE allows {naming.MAX_NODE_POOL_LENGTH} with "
            f"the suffixes that are added, which leaves {len(pool.name) - excess}; shorten it",
            pool.name,
        )


def of_autoscaler(autoscaling: NodeAutoscalingSpec) -> Iterator[Finding]:
    """What GKE's autoscaler does not have."""
    if autoscaling.consolidation != "when-empty":
        yield refusals.AUTOSCALER_SETTING.at(
            "autoscaler.consolidation",
            f"{autoscaling.consolidation} does not exist on gcp: replicas there are marked so that GKE's "
            "autoscaler never moves them; leave it out, or write when-empty",
        )
    if "consolidate_after_seconds" in autoscaling.model_fields_set:
        yield refusals.AUTOSCALER_SETTING.at(
            "autoscaler.consolidateAfterSeconds",
            "GKE itself decides how long a node must be empty, about a minute with this cluster's profile, "
            "and the provider cannot set it yet; leave it out",
        )
