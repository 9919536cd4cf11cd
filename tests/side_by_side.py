"""A drill and a forecast of the same step, told apart: where their replicas differ, and by how much.

Pure. When the HPA syncs and when metrics are scraped is chance: the forecast is told what the drill met, and
that the simulated kubelet gives no means.
"""

import math
from dataclasses import dataclass, replace

from elastic_vllm.simulate.forecast import Outcome, Periods
from elastic_vllm.simulate.timeline import Run

Counts = list[int]
"""By the second."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the two are apart."""

    seconds_apart: float
    """Seconds in which the forecast's replica count is never met by the drill's within a sync period."""
    to_ready: tuple[tuple[int, float, float], ...]
    """Replicas, and seconds from the rise until so many were ready: drilled, forecast; infinite if never."""
    gpu_hours: tuple[float, float]
    """Drilled, forecast: of registered nodes."""

    @property
    def latest(self) -> float:
        """The worst of the times to N ready: their difference as a share of the drill's."""
        apart = [abs(forecast - drilled) / drilled for _, drilled, forecast in self.to_ready]
        return max((math.inf if math.isnan(each) else each for each in apart), default=0.0)

    @property
    def gpu_hours_apart(self) -> float:
        """As a share of the drill's."""
        drilled, forecast = self.gpu_hours
        return abs(forecast - drilled) / drilled

    def __str__(self) -> str:
        ready = ", ".join(f"{k}: {drilled:.1f}/{forecast:.1f}" for k, drilled, forecast in self.to_ready)
        drilled, forecast = self.gpu_hours
        return (
            f"replicas apart in {self.seconds_apart:.0f} s; to N ready, drill/forecast: {ready} "
            f"(at most {100 * self.latest:.1f} % apart); GPU hours {drilled:.4f}/{forecast:.4f} "
            f"({100 * self.gpu_hours_apart:.1f} % apart)"
        )


def periods_of(run: Run, periods: Periods) -> Periods:
    """The phases of the HPA's syncs and of the metrics' scrapes, as this drill met them."""
    changed = run.scale_changes[0].t
    scraped = next(pod.sampled_t for sample in run.metric_samples for pod in sample.pods if pod.sampled_t)
    return replace(
        periods,
        first_sync=changed % periods.sync_seconds,
        first_scrape=scraped % periods.scrape_seconds,
        averaged=False,
    )


def compare(run: Run, outcome: Outcome, gpus: int) -> Agreement:
    """Of the same scenario on the same stack."""
    end = outcome.seconds  # a drill goes on until everything is given back
    drilled = _wanted([(c.t, c.after) for c in run.scale_changes], run.min_replicas, end)
    forecast = _wanted([(c.t, c.after) for c in outcome.changes], run.min_replicas, end)
    rise = outcome.rise_t
    drilled_at = {one.k: one.t - rise for one in run.ready}
    forecast_at = {one.replicas: one.t - rise for one in outcome.reached}
    added = sorted(k for k in drilled_at.keys() | forecast_at.keys() if k > run.min_replicas)
    return Agreement(
        seconds_apart=_apart(drilled, forecast, round(run.sync_period_seconds)),
        to_ready=tuple((k, drilled_at.get(k, math.inf), forecast_at.get(k, math.inf)) for k in added),
        gpu_hours=(
            sum(sum(second.nodes.values()) for second in run.seconds if second.t <= end) * gpus / 3600,
            outcome.registered_gpu_hours,
        ),
    )


def _wanted(changes: list[tuple[float, int]], begin: int, seconds: float) -> Counts:
    counts, current, left = [], begin, sorted(changes)
    for t in range(round(seconds)):
        while left and left[0][0] <= t:
            current = left.pop(0)[1]
        counts.append(current)
    return counts


def _apart(one: Counts, other: Counts, period: int) -> int:
    """Seconds at which either is outside what the other was within a period before or after."""

    def outside(a: Counts, b: Counts) -> int:
        windows = (b[max(0, t - period) : t + period + 1] for t in range(len(a)))
        return sum(not min(near) <= count <= max(near) for count, near in zip(a, windows, strict=True))

    return max(outside(one, other), outside(other, one))
