"""What a drill is played on."""

import math
from dataclasses import dataclass

from components.catalog import MachineRow
from components.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is drilled, and on what."""

    stack: str
    namespace: str
    model: ModelSpec
    machine: MachineRow
    node_autoscaler: str
    boot_seconds: float
    """As simulated, like ``load_seconds``: after compression."""
    load_seconds: float
    compression: float
    replicas_per_node: int = 1
    """Replicas that fit on one machine, or parts of them where a replica has several nodes."""
    min_nodes: int = 0
    """Nodes that the pool keeps even when empty."""

    @property
    def lingering_seconds(self) -> float:
        """How long a group's other nodes are held after its leader is gone: no drain is compressed."""
        drain = self.model.drain
        return float(drain.propagation_seconds + drain.finish_seconds) if self.model.is_group else 0.0

    def nodes_for(self, replicas: int) -> int:
        """Nodes that are there for so many replicas, and for the places kept warm beside them."""
        pods = replicas * self.model.nodes_per_replica + self.model.headroom
        return nodes_needed(pods, self.replicas_per_node, self.min_nodes)


def nodes_needed(pods: int, pods_per_node: int, min_nodes: int) -> int:
    """Nodes for so many pods, packed. A pool's floor holds some too, and is always there."""
    return max(min_nodes, math.ceil(pods / pods_per_node))
