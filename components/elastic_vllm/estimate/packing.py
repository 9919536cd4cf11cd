"""How many nodes replicas take: whole nodes of one model first, what is left of each packed together.

The scheduler may do worse, when replicas come and go in another order; never better by more than the packing
of these few left-overs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from elastic_vllm.estimate.placement import SYSTEM_CPU_MILLIS, SYSTEM_MEMORY_MIB, Placed


@dataclass
class _Room:
    """What a node still has."""

    gpus: int
    cpu_millis: float
    memory_mib: float

    def take(self, at: Placed) -> bool:
        """Put a replica, or a member of a group, here if it fits."""
        model = at.model
        cpu, memory = model.resources.cpu * 1000, model.resources.memory_gib * 1024
        if model.gpus_per_node > self.gpus or cpu > self.cpu_millis or memory > self.memory_mib:
            return False
        self.gpus -= model.gpus_per_node
        self.cpu_millis -= cpu
        self.memory_mib -= memory
        return True


def nodes_for(wanted: Sequence[tuple[Placed, int]]) -> int:
    """Nodes of one pool for so many replicas of each model; every model fits a node at least once."""
    full, left = 0, []
    for at, replicas in wanted:
        pods = replicas * at.model.nodes_per_replica
        full += pods // at.replicas_per_node
        left += [at] * (pods % at.replicas_per_node)
    started: list[_Room] = []
    for at in sorted(left, key=lambda item: (-item.model.gpus_per_node, -item.model.resources.memory_gib)):
        if not any(room.take(at) for room in started):
            room = _empty(at)
            room.take(at)
            started.append(room)
    return full + len(started)


def _empty(at: Placed) -> _Room:
    return _Room(
        gpus=at.machine.gpus,
        cpu_millis=at.machine.allocatable_cpu_millis - SYSTEM_CPU_MILLIS,
        memory_mib=at.machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB,
    )
