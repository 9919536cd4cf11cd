"""What a drill is played on."""

import math
from dataclasses import dataclass
from functools import cached_property

from elastic_vllm.catalog import MachineRow
from elastic_vllm.simulate.hpa import calm_seconds
from elastic_vllm.spec import ModelSpec

SLACK_SECONDS = 60.0
"""For answers in flight, metrics that show their end, the node autoscaler's polls, a machine that goes."""
PATIENCE_SECONDS = 7200.0
"""No drill waits longer for what it scaled."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is drilled, and on what."""

    stack: str
    namespace: str
    model: ModelSpec
    machine: MachineRow
    node_autoscaler: str
    usd_per_node_hour: float | None
    """With its disks; None where the catalogue has no price."""
    boot_seconds: float
    """As simulated, like ``load_seconds``: after compression."""
    load_seconds: float
    compression: float
    replicas_per_node: int = 1
    """Replicas that fit on one machine, or parts of them where a replica has several nodes."""
    min_nodes: int = 0
    """Nodes that the pool keeps even when empty."""
    consolidate_after_seconds: float = 0
    """How long a node is empty before it is given back."""

    @property
    def lingering_seconds(self) -> float:
        """How long a group's other nodes are held after its leader is gone: no drain is compressed."""
        drain = self.model.drain
        return float(drain.propagation_seconds + drain.finish_seconds) if self.model.is_group else 0.0

    @cached_property
    def give_back_seconds(self) -> float:
        """From the last request until all replicas and nodes are given back, by the stack's own windows.

        Without the policy's where it does not scale down: nothing is waited for that does not come. Where
        replicas share nodes, one may move to another and start again there.
        """
        bounds, drain = self.model.replicas, self.model.drain
        calm = calm_seconds(self.model.scaling, bounds.min, bounds.max)
        moves = self.boot_seconds + self.load_seconds if self.replicas_per_node > 1 else 0
        nodes = self.consolidate_after_seconds + drain.propagation_seconds + moves + SLACK_SECONDS
        whole = nodes + self.lingering_seconds + (0 if math.isinf(calm) else calm)
        return min(whole, PATIENCE_SECONDS)

    def nodes_for(self, replicas: int) -> int:
        """Nodes that are there for so many replicas, and for the places kept warm beside them."""
        pods = replicas * self.model.nodes_per_replica + self.model.headroom
        return nodes_needed(pods, self.replicas_per_node, self.min_nodes)


def nodes_needed(pods: int, pods_per_node: int, min_nodes: int) -> int:
    """Nodes for so many pods, packed. A pool's floor holds some too, and is always there."""
    return max(min_nodes, math.ceil(pods / pods_per_node))
