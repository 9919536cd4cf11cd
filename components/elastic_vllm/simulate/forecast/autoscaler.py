"""The HPA of one model: what it reads of the simulated replicas, and what it decides.

It decides by ``simulate.hpa``. CPU is what the replicas use; of vLLM's own metrics those are read that the
simulation knows. A metric that it does not know cannot be read, as the HPA sees it: such a metric never
scales up and forbids scaling down. ``unknown`` names them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from elastic_vllm.simulate.forecast.queues import Queues
from elastic_vllm.simulate.forecast.replicas import Replica
from elastic_vllm.simulate.hpa import Hpa, PerPod, Reading, Whole
from elastic_vllm.spec import ModelSpec
from elastic_vllm.spec.scaling import ContainerResourceMetric, Metric, ResourceMetric

_SETTLED_SECONDS = 400.0
"""A replica that answers for so long is past every rule for new ones."""
WAITING, RUNNING = "num_requests_waiting", "num_requests_running"


@dataclass
class Autoscaler:
    """One HPA with its memory; none where the bounds leave it nothing to do."""

    model: ModelSpec
    _hpa: Hpa = field(init=False)
    _known: dict[tuple[int, float], int] = field(default_factory=dict)
    """What the metrics ask for by replicas and CPU, where all replicas are long there and alike."""

    def __post_init__(self) -> None:
        bounds = self.model.replicas
        self._by_cpu_alone = all(_kind(metric) == "cpu" for metric in self.model.scaling.metrics)
        self._hpa = Hpa(self.model.scaling, bounds.min, bounds.max)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Metrics that no forecast can read."""
        return tuple(metric.name for metric in self.model.scaling.metrics if _kind(metric) is None)

    def desired(self, now: float, wanted: int, replicas: Sequence[Replica], queues: Queues) -> int:
        """Decide, and remember the change that follows."""
        key = self._plain(now, wanted, replicas)
        known = self._known.get(key) if key is not None else None
        if known is not None:
            decision = self._hpa.decide_on(now, wanted, known)
        else:
            decision = self._hpa.decide(now, wanted, replicas, self._readings(replicas, queues))
            if key is not None and decision.recommendation is not None:
                self._known[key] = decision.recommendation
        self._hpa.observe_scale(now, wanted, decision.desired)
        return decision.desired

    def _plain(self, now: float, wanted: int, replicas: Sequence[Replica]) -> tuple[int, float] | None:
        if not self._by_cpu_alone:
            return None
        if len(replicas) != wanted or not replicas:
            return None
        value = replicas[0].cpu_millicores
        for one in replicas:
            since = one.ready_changed_t
            if one.cpu_millicores != value or not one.serving:
                return None
            if since is None or since + _SETTLED_SECONDS >= now:
                return None
        return None if value is None else (wanted, value)

    def _readings(self, replicas: Sequence[Replica], queues: Queues) -> Mapping[int, Reading]:
        """Of every metric but CPU, which the replicas themselves carry."""
        found: dict[int, Reading] = {}
        for place, metric in enumerate(self.model.scaling.metrics):
            kind = _kind(metric)
            if kind in {None, "cpu"}:
                continue
            values = {
                one.name: round(_count(queues, one.name, str(kind)) * 1000) for one in replicas if one.ready
            }
            found[place] = PerPod(values) if metric.type == "Pods" else Whole(sum(values.values()))
        return found


def _kind(metric: Metric) -> str | None:
    """``cpu``, or the one of vLLM's metrics that it is, however an adapter spells it."""
    if isinstance(metric, ResourceMetric | ContainerResourceMetric):
        return "cpu" if metric.name == "cpu" else None
    return next((kind for kind in (WAITING, RUNNING) if metric.name.endswith(kind)), None)


def _count(queues: Queues, name: str, kind: str) -> float:
    in_flight = queues.held(name)
    running = min(in_flight, queues.engine.seats)
    return running if kind == RUNNING else in_flight - running
