"""One autoscaler's world: its pods, and what the metrics APIs say of them. Knows no cluster."""

import random
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from elastic_vllm.simulate.hpa import PerPod, Reading, Whole
from elastic_vllm.simulate.hpa.proposal import milli, whole_milli
from elastic_vllm.spec.scaling import ContainerResourceMetric, Metric, ResourceMetric
from tests.differential.metrics_apis import Body
from tests.differential.policies import Policy
from tests.differential.trace import Pod

NAMESPACE = "hpas"
LONG_AGO = 5000
MEMORY = 2**30
LEVELS = (0.1, 0.4, 0.7, 0.88, 0.95, 1.0, 1.05, 1.12, 1.3, 1.8, 3.0)
"""Of the target; some just inside and just outside the tolerance."""
_SYNC_GAP = 5.0
_CACHED_SECONDS = 1.0


@dataclass(frozen=True)
class Look:
    """What one sync was told: drawn at its first question, the same for all that follow in it."""

    t: float
    pods: tuple[Pod, ...]
    readings: dict[int, Reading]
    bodies: dict[str, Body | None]
    at_rest: bool
    """Whether the controller's caches had the time to learn the state."""


@dataclass(frozen=True)
class Used:
    """CPU in millicores and memory in bytes, by pod."""

    cpu: dict[str, float]
    memory: dict[str, int]
    strays: list[str]
    """Names that are no pod's."""
    at: float
    """The end of the window."""
    window: float

    def body(self) -> Body:
        """As metrics-server would say it."""
        items = [
            {
                "metadata": {"name": name, "namespace": NAMESPACE},
                "timestamp": stamp(self.at),
                "window": f"{self.window:g}s",
                "containers": [
                    {
                        "name": "vllm",
                        "usage": {"cpu": f"{round(cpu * 1e6)}n", "memory": str(self.memory[name])},
                    }
                ],
            }
            for name, cpu in self.cpu.items()
        ]
        version = "metrics.k8s.io/v1beta1"
        return {"kind": "PodMetricsList", "apiVersion": version, "metadata": {}, "items": items}


@dataclass
class Subject:
    """Its state changes only between syncs; each look takes the state as it is."""

    policy: Policy
    rng: random.Random
    replicas: int
    pods: dict[str, Pod] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    moved_t: float = 0.0
    """When the state last became what it is; infinite while it changes."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: int = 0

    @property
    def name(self) -> str:
        """Of the HPA, its target, its pods' label and its Service."""
        return self.policy.name

    def new_pod(self, now: float) -> Pod:
        """One that has been Ready for long."""
        self._made += 1
        request = self.rng.choice((1000, 1000, 500))
        long_ago = float(int(now) - LONG_AGO)
        return Pod(f"{self.name}-{self._made}", "Running", True, long_ago, long_ago + 60, False, request)

    def other_state(self, pod: Pod, now: float) -> Pod:
        """The same pod in one of the states that pods are in."""
        at, old = float(int(now)), float(int(now) - LONG_AGO)
        states = {
            "ready": ("Running", True, old, old + 60),
            "pending": ("Pending", False, None, None),
            "loading": ("Running", False, at - 20, at - 20),
            "just ready": ("Running", True, at - 150, at - self.rng.randint(0, 25)),
            "lost": ("Running", False, old, at - 100),
            "never ready": ("Running", False, old, old + self.rng.choice((10, 29, 31))),
            "failed": ("Failed", False, old, old + 60),
            "ended": ("Succeeded", False, old, old + 60),
            "unheard of": ("Running", False, old, None),
        }
        odds = (8, 3, 3, 5, 1, 2, 1, 1, 1)
        phase, ready, started, changed = states[self.rng.choices(list(states), odds)[0]]
        return replace(pod, phase=phase, ready=ready, started_t=started, ready_changed_t=changed)

    def look(self, t: float) -> Look:
        """The sync under way at ``t``, which begins here if none is."""
        with self._lock:
            if not self.looks or t - self.looks[-1].t > _SYNC_GAP:
                self.looks.append(self._drawn(t))
            return self.looks[-1]

    def _drawn(self, t: float) -> Look:
        used = self._used(t)
        bodies: dict[str, Body | None] = {"resources": used.body()}
        if self.rng.random() < 0.03:
            bodies["resources"], used = None, replace(used, cpu={}, memory={})
        pods = [
            replace(pod, cpu_millicores=used.cpu.get(name), sampled_t=used.at, window_seconds=used.window)
            for name, pod in self.pods.items()
        ]
        readings: dict[int, Reading] = {}
        for place, metric in enumerate(self.policy.scaling.metrics):
            if not isinstance(metric, ResourceMetric | ContainerResourceMetric):
                bodies[str(place)] = self._other(metric, place, used.strays, t, readings)
            elif metric.name == "memory":
                requests = dict.fromkeys(self.pods, MEMORY * 1000)
                readings[place] = PerPod({name: 1000 * size for name, size in used.memory.items()}, requests)
            elif used.strays and used.cpu:  # pods carry their CPU themselves; a name that is no pod's cannot
                requests = {name: int(pod.request_millicores) for name, pod in self.pods.items()}
                readings[place] = PerPod({name: whole_milli(cpu) for name, cpu in used.cpu.items()}, requests)
        return Look(t, tuple(pods), readings, bodies, t - self.moved_t > _CACHED_SECONDS)

    def _used(self, t: float) -> Used:
        """What most pods are measured at, now and then with one more that is no pod."""
        rng = self.rng
        strays = [f"{self.name}-stray"] if rng.random() < 0.04 else []
        names = [*(name for name in self.pods if rng.random() > 0.06), *strays]
        cpu, memory = rng.choice(LEVELS) * self._target("cpu"), rng.choice(LEVELS) * self._target("memory")
        return Used(
            cpu={name: round(cpu * rng.uniform(0.8, 1.2), 6) for name in names},
            memory={name: int(memory * rng.uniform(0.8, 1.2)) for name in names},
            strays=strays,
            at=float(int(t) - rng.randint(0, 10)),
            window=rng.choice((10.0, 15.5)),
        )

    def _other(
        self, metric: Metric, place: int, strays: list[str], t: float, readings: dict[int, Reading]
    ) -> Body | None:
        """The answer to the question for a custom or an external metric."""
        rng, level = self.rng, self.rng.choice(LEVELS)
        target = milli(metric.target.average_value or metric.target.value or "0")
        if rng.random() < 0.04:
            return None
        if metric.type == "Pods":
            names = [*(name for name in self.pods if rng.random() > 0.06), *strays]
            values = {name: int(target * level * rng.uniform(0.8, 1.2)) for name in names}
            readings[place] = PerPod(values)
            return _metric_values("Pod", values, t)
        total = int(target * level * (1 if metric.target.value else max(1, self.replicas)))
        readings[place] = Whole(total)
        if metric.type == "Object":
            return _metric_values("Service", {self.name: total}, t)
        parts = (total // 3, total - total // 3)
        items = [
            {"metricName": metric.name, "metricLabels": {}, "timestamp": stamp(t), "value": f"{part}m"}
            for part in parts
        ]
        return {
            "kind": "ExternalMetricValueList",
            "apiVersion": "external.metrics.k8s.io/v1beta1",
            "items": items,
        }

    def _target(self, resource: str) -> float:
        """What a pod uses at its target."""
        metrics = [
            metric
            for metric in self.policy.scaling.metrics
            if isinstance(metric, ResourceMetric | ContainerResourceMetric) and metric.name == resource
        ]
        whole = 1000.0 if resource == "cpu" else float(MEMORY)
        if not metrics:
            return whole
        target = metrics[0].target
        if target.utilization is not None:
            return whole * target.utilization / 100
        value = milli(target.average_value or "0")
        return float(value) if resource == "cpu" else value / 1000


def stamp(t: float) -> str:
    """As Kubernetes writes a moment, to the second."""
    return datetime.fromtimestamp(int(t), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _metric_values(kind: str, values: dict[str, int], t: float) -> Body:
    return {
        "kind": "MetricValueList",
        "apiVersion": "custom.metrics.k8s.io/v1beta2",
        "metadata": {},
        "items": [
            {
                "describedObject": {"kind": kind, "namespace": NAMESPACE, "name": name, "apiVersion": "v1"},
                "metric": {"name": "any"},
                "timestamp": stamp(t),
                "value": f"{value}m",
            }
            for name, value in values.items()
        ],
    }
