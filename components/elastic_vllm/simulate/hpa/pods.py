"""What the autoscaler knows of a pod, and into which of its four groups the pod falls.

* *ignored*: leaving or failed. It counts for nothing.
* *unready*: Pending, or (CPU only) its CPU says nothing yet of the load. It counts as 0 when the others ask
  for more, and not at all when they ask for less.
* *missing*: has no metric. It counts against whatever change the others ask for.
* *ready*: measured.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Pod(Protocol):
    """One pod of the target; the drill's ``PodSample`` is one. Times are on the clock that ``now`` is on."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def cpu_millicores(self) -> float | None:
        """None when the metrics API has nothing for it."""

    @property
    def request_millicores(self) -> float:
        """What its containers request in all."""

    @property
    def phase(self) -> str:
        """``Pending``, ``Running``, ``Succeeded`` or ``Failed``."""

    @property
    def ready(self) -> bool:
        """Its Ready condition."""

    @property
    def started_t(self) -> float | None:
        """``status.startTime``."""

    @property
    def ready_changed_t(self) -> float | None:
        """When the Ready condition last changed; None while there is no such condition."""

    @property
    def sampled_t(self) -> float | None:
        """End of the metric's window."""

    @property
    def window_seconds(self) -> float | None:
        """Length of the metric's window."""

    @property
    def leaving(self) -> bool:
        """It has a deletion timestamp."""


@dataclass(frozen=True, kw_only=True)
class Initialization:
    """When the CPU of a pod that starts begins to count; the controller manager's flags and defaults."""

    cpu_period_seconds: float = 300.0
    """``--horizontal-pod-autoscaler-cpu-initialization-period``."""
    readiness_delay_seconds: float = 30.0
    """``--horizontal-pod-autoscaler-initial-readiness-delay``."""


@dataclass(frozen=True)
class Groups:
    """The pods by group; of the ready ones only the names that are measured."""

    ready: frozenset[str]
    unready: frozenset[str]
    missing: frozenset[str]
    stray: frozenset[str] = frozenset()
    """Names with a value that are no pod's, as a metrics API that lags gives them. They count in means."""


def group(pods: Iterable[Pod], values: Mapping[str, int], now: float, cpu: Initialization | None) -> Groups:
    """Sort ``pods`` by what one metric's ``values`` say of them; ``cpu`` is given when that metric is CPU."""
    ready, unready, missing, stray = set[str](), set[str](), set[str](), set(values)
    for pod in pods:
        stray.discard(pod.name)
        if pod.leaving or pod.phase == "Failed":
            continue
        if pod.phase == "Pending":
            unready.add(pod.name)
        elif pod.name not in values:
            missing.add(pod.name)
        elif cpu is not None and not cpu_counts(pod, now, cpu):
            unready.add(pod.name)
        else:
            ready.add(pod.name)
    return Groups(frozenset(ready), frozenset(unready), frozenset(missing), frozenset(stray))


def cpu_counts(pod: Pod, now: float, rules: Initialization) -> bool:
    """Whether a running pod's CPU says something of the load rather than of its start.

    Within the initialization period: it is ready, and a whole window was measured since it became so. After
    it: it is ready, or was ready once (a Ready condition that last changed within the readiness delay of the
    start, and is false, never was true).
    """
    if pod.started_t is None or pod.ready_changed_t is None:
        return False
    if pod.started_t + rules.cpu_period_seconds > now:
        return pod.ready and _measured_since(pod, pod.ready_changed_t)
    return pod.ready or pod.started_t + rules.readiness_delay_seconds <= pod.ready_changed_t


def _measured_since(pod: Pod, t: float) -> bool:
    if pod.sampled_t is None or pod.window_seconds is None:
        return False
    return pod.sampled_t >= t + pod.window_seconds


def active(pods: Iterable[Pod]) -> int:
    """``status.replicas`` of the target: pods that neither ended nor are leaving."""
    return sum(not pod.leaving and pod.phase in {"Pending", "Running"} for pod in pods)


def running_ready(pods: Iterable[Pod]) -> int:
    """Pods that answer; leaving ones too, as the controller counts."""
    return sum(pod.phase == "Running" and pod.ready for pod in pods)
