"""What a trace came to. Plain values; ``Totals`` is what the simulation adds to as it goes."""

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from pydantic import Field

from elastic_vllm.json_names import JsonNames
from elastic_vllm.simulate.forecast.conditions import Conditions
from elastic_vllm.simulate.forecast.queues import Served
from elastic_vllm.simulate.scenario import Scenario
from elastic_vllm.simulate.timeline import ScaleChange
from elastic_vllm.spec import SloSpec


class Moment(NamedTuple):
    """One point of the curves."""

    t: float
    """Seconds since the trace began."""
    load: float
    """Replicas' worth."""
    wanted: int
    ready: int
    nodes: int
    in_flight: float
    ttft_p99: float | None
    """Seconds, for what arrives at that moment; None where no replica answers."""


@dataclass(frozen=True)
class Reached(JsonNames):
    """So many replicas answered for the first time."""

    replicas: int
    t: float


@dataclass(frozen=True, kw_only=True)
class Outcome(JsonNames):
    """One trace of one model."""

    trace: str
    description: str
    seconds: float
    peak_load: float
    """Replicas' worth."""
    rise_t: float
    """When the load first rose to its peak."""
    reached: tuple[Reached, ...]
    changes: tuple[ScaleChange, ...]
    most_ready: int
    most_nodes: int
    slo_breach_minutes: float
    """Time in which the P99 of the time to first token, or the share of refused requests, broke the SLO."""
    refused_share: float
    """Of all requests, those that no replica took."""
    gpu_hours: float
    """Of the nodes that are there, and of those on their way: they are paid from their order on."""
    registered_gpu_hours: float
    """Of the nodes that are there alone, which is what a drill counts."""
    usd: float | None
    """GPU nodes with their disks, at the catalogue's price; None where it has none."""
    unknown_metrics: tuple[str, ...]
    """Metrics of the policy that are not simulated: taken as unreadable."""
    moments: Annotated[tuple[Moment, ...], Field(exclude=True)] = field(default=(), compare=False, repr=False)
    """One for each sync of the HPA; too many for a document."""

    def ready_after(self, replicas: int) -> float | None:
        """Seconds from the rise until so many replicas answered; None if they never did."""
        found = next((one.t for one in self.reached if one.replicas >= replicas), None)
        return None if found is None else max(0.0, found - self.rise_t)


@dataclass
class Totals:
    """What adds up."""

    ttft_p99: float | None = None
    _sent: float = 0.0
    _refused: float = 0.0
    _lost_seconds: float = 0.0
    _node_seconds: float = 0.0
    _registered_seconds: float = 0.0
    _most_nodes: int = 0
    _reached: list[Reached] = field(default_factory=list)
    _changes: list[ScaleChange] = field(default_factory=list)
    _moments: list[Moment] = field(default_factory=list)

    def passed(self, seconds: float, served: Served, slo: SloSpec, *, nodes: int, registered: int) -> None:
        """A stretch of time is over."""
        self.ttft_p99 = served.ttft_p99
        self._sent += served.sent
        self._refused += served.refused
        self._node_seconds += nodes * seconds
        self._registered_seconds += registered * seconds
        self._most_nodes = max(self._most_nodes, registered)
        late = served.ttft_p99 is None or served.ttft_p99 > slo.ttft_p99_seconds
        if served.sent and (late or served.refused > slo.error_rate * served.sent):
            self._lost_seconds += seconds

    def changed(self, t: float, before: int, after: int) -> None:
        """The HPA changed what is wanted."""
        self._changes.append(ScaleChange(t=t, before=before, after=after))

    def reached(self, t: float, ready: int) -> None:
        """So many replicas answer."""
        highest = self._reached[-1].replicas if self._reached else 0
        self._reached += [Reached(k, t) for k in range(highest + 1, ready + 1)]

    def note(self, moment: Moment) -> None:
        """A point of the curves."""
        self._moments.append(moment)

    def outcome(self, trace: Scenario, conditions: Conditions, unknown: tuple[str, ...]) -> Outcome:
        """All of it."""
        hours, price = self._node_seconds / 3600, conditions.usd_per_node_hour
        gpus = conditions.machine.gpus
        return Outcome(
            trace=trace.name,
            description=trace.description,
            seconds=trace.duration_seconds,
            peak_load=trace.peak_load,
            rise_t=next(
                begin
                for begin, phase in zip(trace.begins, trace.phases, strict=True)
                if phase.peak == trace.peak_load
            ),
            reached=tuple(self._reached),
            changes=tuple(self._changes),
            moments=tuple(self._moments),
            most_ready=self._reached[-1].replicas if self._reached else 0,
            most_nodes=self._most_nodes,
            slo_breach_minutes=self._lost_seconds / 60,
            refused_share=self._refused / self._sent if self._sent else 0.0,
            gpu_hours=hours * gpus,
            registered_gpu_hours=self._registered_seconds / 3600 * gpus,
            usd=None if price is None else hours * price,
            unknown_metrics=unknown,
        )
