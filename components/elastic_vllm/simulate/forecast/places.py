"""Where a model's replicas are: each on a node of the pool, a group on several, beside places kept warm.

A replica that finds nothing free takes the place of a placeholder, which the scheduler ends for it; the
placeholder waits for the next node and takes it when no replica does. Pods are placed one by one, so part of
a group holds its nodes until the rest is there. Pure; time is given.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from elastic_vllm.simulate.forecast.pool import Node, Pool
from elastic_vllm.simulate.forecast.replicas import Replica


@dataclass
class Places:
    """All places of one pool, in pods: a replica has ``parts`` of them."""

    pool: Pool
    parts: int
    headroom: int
    _warm: list[Node] = field(default_factory=list)
    """Nodes of the placeholders, one for each."""

    def missing(self, replicas: Iterable[Replica]) -> int:
        """Pods that wait for a node, placeholders among them."""
        waiting = sum(self.parts - len(one.nodes) for one in replicas if not one.leaving)
        return waiting + self.headroom - len(self._warm)

    def is_placed(self, one: Replica) -> bool:
        """Whether all of a replica has its nodes."""
        return len(one.nodes) == self.parts

    def seat(self, one: Replica) -> bool:
        """Give a replica what is free, and then what is kept warm; whether a placeholder had to go."""
        yielded = False
        while not self.is_placed(one):
            node = self.pool.take()
            if node is None and self._warm:
                node, yielded = self._warm.pop(), True
            if node is None:
                break
            one.nodes.append(node)
        return yielded

    def warm_up(self) -> None:
        """Placeholders that wait take what no replica needs."""
        while len(self._warm) < self.headroom and (node := self.pool.take()):
            self._warm.append(node)

    def leave(self, one: Replica, now: float) -> None:
        """A replica is gone from all its nodes."""
        for node in one.nodes:
            self.pool.give(node, now)
        one.nodes.clear()
