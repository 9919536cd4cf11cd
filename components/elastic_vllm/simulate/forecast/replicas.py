"""The replicas of one model as the HPA sees them: each a pod with its times and its last CPU sample."""

from dataclasses import dataclass, field

from elastic_vllm.simulate.forecast.pool import Node


@dataclass(eq=False, slots=True)
class Replica:
    """One pod; an ``elastic_vllm.simulate.hpa.Pod``. Times are seconds since the trace began."""

    name: str
    created: float
    request_millicores: float
    nodes: list[Node] = field(default_factory=list)
    """Where it is; a group has several, and begins to load when all of them are there."""
    started_t: float | None = None
    ready: bool = False
    ready_changed_t: float | None = None
    leaving: bool = False
    cpu_millicores: float | None = None
    sampled_t: float | None = None
    window_seconds: float | None = None
    used: float | None = None
    """Core seconds at the last scrape; None before the first."""

    @property
    def phase(self) -> str:
        """Pending until its node admitted it."""
        return "Pending" if self.started_t is None else "Running"

    @property
    def serving(self) -> bool:
        """Whether it answers and gets requests."""
        return self.ready and not self.leaving

    def scraped(self, t: float, seconds: float, used: float, cores: float | None = None) -> None:
        """metrics-server has a value from its second scrape on: what was used between the two.

        ``cores`` replaces the mean. Values come in steps of ten millicores, as in the drill.
        """
        if self.used is not None:
            mean = (used - self.used) / seconds if cores is None else cores
            self.cpu_millicores = round(mean * 100) * 10
            self.sampled_t, self.window_seconds = t, seconds
        self.used = used


def first_to_go(replicas: list[Replica]) -> list[Replica]:
    """In the ReplicaSet's order: without a node, not ready, sharing a node, ready for the shortest time.

    A LeaderWorkerSet takes the highest number first: the youngest group, which this order names as well.
    """

    def rank(one: Replica) -> tuple[bool, bool, int, float, float]:
        beside = sum(other.nodes == one.nodes for other in replicas if other.nodes)
        since = one.ready_changed_t if one.ready and one.ready_changed_t is not None else 0.0
        return bool(one.nodes), one.ready, -beside, -since, -one.created

    return sorted(replicas, key=rank)
