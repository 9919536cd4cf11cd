"""The nodes of one pool: ordered for replicas that have none, given back once empty. Pure; time is given.

A node autoscaler as Karpenter is: it orders as many nodes as the waiting replicas need beside what is on its
way, never above the pool's most, and gives back a node that has been empty for long enough. The pool's floor
stays. Not modelled: Spot nodes that are taken back, and ``when-underutilized``, which moves replicas.
"""

import math
from dataclasses import dataclass, field


@dataclass(eq=False)
class Node:
    """One machine. Paid from its order on."""

    ordered: float
    registered: bool
    empty_since: float | None
    free: int


@dataclass
class Pool:
    """Slots are replicas that fit on a node."""

    slots: int
    least: int
    most: int
    nodes: list[Node] = field(init=False)
    registered: int = field(init=False)
    """Nodes that are there."""

    def __post_init__(self) -> None:
        self.nodes = [Node(-math.inf, True, -math.inf, self.slots) for _ in range(self.least)]
        self.registered = self.least

    def register(self, node: Node) -> None:
        """A node that was ordered is there."""
        node.registered = True
        self.registered += 1

    def take(self) -> Node | None:
        """A slot on a node that is there: the fullest, so that others come empty."""
        free = [node for node in self.nodes if node.registered and node.free]
        if not free:
            return None
        node = min(free, key=lambda each: each.free)
        node.free -= 1
        node.empty_since = None
        return node

    def give(self, node: Node, now: float) -> None:
        """A replica is gone from its node."""
        node.free += 1
        if node.free == self.slots:
            node.empty_since = now

    def order(self, waiting: int, now: float) -> list[Node]:
        """New nodes for replicas that wait, beside those on their way."""
        coming = sum(node.free for node in self.nodes if not node.registered)
        wanted = math.ceil(max(0, waiting - coming) / self.slots)
        ordered = [
            Node(now, False, None, self.slots) for _ in range(min(wanted, self.most - len(self.nodes)))
        ]
        self.nodes += ordered
        return ordered

    def empty(self, now: float, seconds: float) -> list[Node]:
        """Nodes above the floor that have been empty for so long, the youngest first."""
        above = self.nodes[self.least :]
        return [
            node
            for node in reversed(above)
            if node.registered and node.empty_since is not None and node.empty_since + seconds <= now
        ]

    def remove(self, node: Node) -> None:
        """A node that is still there and empty is given back."""
        if node in self.nodes and node.free == self.slots:
            self.nodes.remove(node)
            self.registered -= node.registered
