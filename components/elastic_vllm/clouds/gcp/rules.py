"""What Google Cloud and GKE's autoscaler refuse, as findings. Imports no SDK."""

from collections.abc import Iterator

from elastic_vllm.clouds import refusals
from elastic_vllm.clouds.gcp import naming
from elastic_vllm.spec import GcpCluster, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import Finding
from elastic_vllm.spec.stack import StackConfig


def check(cluster: GcpCluster, config: StackConfig) -> Iterator[Finding]:
    """Everything that Google Cloud would refuse of the stack."""
    for index, pool in enumerate(config.pools):
        yield from of_pool(f"pools[{index}]", cluster, pool, f"{pool.name}-nodes")
    yield from of_autoscaler(config.autoscaler)


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
    yield from refusals.reservation_zone(key, pool, cluster.node_zones)


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
            "GKE itself decides how long a node must be empty, about a minute with this cluster's profile; "
            "leave it out",
        )
