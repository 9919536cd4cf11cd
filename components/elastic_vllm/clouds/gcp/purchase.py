"""How Google Cloud sells machines, and what of it a pool cannot have. Pure; imports no SDK."""

from elastic_vllm.catalog import MachineRow
from elastic_vllm.spec import GcpCluster, NodePoolSpec

RESERVATION_KEY = "compute.googleapis.com/reservation-name"
FLEX_START_SECONDS = "604800s"
"""Seven days, the longest that flex-start gives a machine for."""


class CapacityError(ValueError):
    """A way of buying that a machine cannot be bought in."""


def check(cluster: GcpCluster, pool: NodePoolSpec, machine: MachineRow) -> None:
    """Refuse, before anything is made, what Google would refuse when the cluster is there."""
    where = f"pools[{pool.name}]"
    if pool.capacity in ("on-demand", "spot-then-on-demand") and not machine.on_demand:
        raise CapacityError(
            f"{where}.capacity: {machine.name} is not offered on demand; write capacity: spot, flex-start or "
            "reserved"
        )
    if pool.capacity == "flex-start" and pool.min_nodes:
        raise CapacityError(
            f"{where}.minNodes: a flex-start machine is taken back after seven days, so no floor can be of "
            "them; write 0, or another capacity"
        )
    held = pool.reservation
    if held and held.block:
        raise CapacityError(
            f"{where}.reservation.block: Google Cloud has no capacity blocks; the nearest is a future "
            "reservation, whose name is written here without block"
        )
    if held and held.zone not in cluster.node_zones:
        raise CapacityError(
            f"{where}.reservation.zone: {held.zone} is none of the cluster's zones, which are "
            f"{', '.join(cluster.node_zones)}; add it to cluster.zones"
        )
