"""How AWS sells machines, and what of it a pool cannot have. Pure; imports no SDK."""

import re

from elastic_vllm.spec import AwsCluster, NodePoolSpec


class CapacityError(ValueError):
    """A way of buying that AWS does not have; the message says what to write instead."""


def check(cluster: AwsCluster, pool: NodePoolSpec) -> None:
    """Refuse, before anything is made, what AWS would refuse for the last resource of all."""
    where = f"pools[{pool.name}]"
    if pool.capacity == "flex-start":
        raise CapacityError(
            f"{where}.capacity: AWS has no flex-start; the nearest is reserved with a capacity block "
            "(reservation.block: true), or spot"
        )
    held = pool.reservation
    if held is None:
        return
    if not re.fullmatch(r"cr-[0-9a-z]+", held.name):
        raise CapacityError(
            f"{where}.reservation.name: {held.name!r} is no id of a capacity reservation; "
            "write it as in cr-0123456789abcdef0"
        )
    if held.zone not in cluster.node_zones:
        raise CapacityError(
            f"{where}.reservation.zone: {held.zone} is none of the cluster's zones, which are "
            f"{', '.join(cluster.node_zones)}; add it to cluster.zones"
        )
