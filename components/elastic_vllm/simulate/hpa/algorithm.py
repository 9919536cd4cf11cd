"""The HorizontalPodAutoscaler's algorithm, without a cluster.

A model of what the documentation describes and kube-controller-manager 1.36 does, decision for decision:
https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details.
It decides; it neither reads metrics nor scales, and knows no clock but the ``now`` that it is given. It is
one controller manager's memory: a restart of the real one forgets windows and rates, a new ``Hpa`` too.

Left out: scaling from and to zero (``HPAScaleToZero`` is off in 1.36; at 0 replicas the HPA is disabled) and
``behavior.*.tolerance`` (a stack file has no key for it).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from elastic_vllm.simulate.hpa.behavior import (
    Events,
    Limit,
    Recommendations,
    down_limit,
    longest_period,
    up_limit,
)
from elastic_vllm.simulate.hpa.metrics import Moment, Reading, Rules, recommend
from elastic_vllm.simulate.hpa.pods import Pod
from elastic_vllm.spec.scaling import ScalingSpec

SYNC_SECONDS = 15.0
"""``--horizontal-pod-autoscaler-sync-period`` by default."""
_DAY_SECONDS = 86_400

Reason = (
    Limit
    | Literal[
        "ScalingDisabled",
        "AboveMaxReplicas",
        "BelowMinReplicas",
        "MetricsFailed",
        "ScaleUpStabilized",
        "ScaleDownStabilized",
        "DesiredWithinRange",
    ]
)
"""What decided: the rate or a bound before a window, a window before the metrics themselves."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The outcome of one sync."""

    desired: int
    """The replicas that the target gets."""
    recommendation: int | None
    """What the metrics ask for, before windows, rate and bounds; None where they were not asked or failed."""
    reason: Reason
    failures: tuple[str, ...] = ()
    """Metrics that gave no number, and why."""


class Hpa:
    """One autoscaler with its memory. Ask in the order of time."""

    def __init__(
        self, scaling: ScalingSpec, min_replicas: int, max_replicas: int, rules: Rules | None = None
    ) -> None:
        self._scaling = scaling
        self._min, self._max = min_replicas, max_replicas
        self._rules = rules or Rules()
        up, down = scaling.scale_up, scaling.scale_down
        self._added = Events(longest_period(up.policies))
        self._removed = Events(longest_period(down.policies))
        self._recommendations = Recommendations(
            up.stabilization_window_seconds, down.stabilization_window_seconds
        )

    def decide(
        self,
        now: float,
        replicas: int,
        pods: Sequence[Pod],
        readings: Mapping[int, Reading] | None = None,
    ) -> Decision:
        """What the controller would ask for now. Remembers the recommendation, but scales nothing.

        ``readings`` gives what was read of metrics other than CPU, by their place in ``scaling.metrics``.
        """
        forced = self._forced(now, replicas)
        if forced is not None:
            return forced
        moment = Moment(now, replicas, pods, readings or {})
        wanted, failures = recommend(self._scaling.metrics, moment, self._rules)
        if wanted is None:
            # No recommendation is remembered either: windows see only what metrics asked for.
            return Decision(desired=replicas, recommendation=None, reason="MetricsFailed", failures=failures)
        desired, reason = self._normalised(now, replicas, wanted)
        return Decision(desired=desired, recommendation=wanted, reason=reason, failures=failures)

    def decide_on(self, now: float, replicas: int, wanted: int) -> Decision:
        """As ``decide``, where what the metrics ask for is known: they say what they said before."""
        forced = self._forced(now, replicas)
        if forced is not None:
            return forced
        desired, reason = self._normalised(now, replicas, wanted)
        return Decision(desired=desired, recommendation=wanted, reason=reason)

    def _forced(self, now: float, replicas: int) -> Decision | None:
        """What needs no metrics. Bounds that moved are restored at once, without windows or rate."""
        self._recommendations.begin(now, replicas)
        if replicas == 0:
            return Decision(desired=0, recommendation=None, reason="ScalingDisabled")
        if replicas > self._max:
            return Decision(desired=self._max, recommendation=None, reason="AboveMaxReplicas")
        if replicas < self._min:
            return Decision(desired=self._min, recommendation=None, reason="BelowMinReplicas")
        return None

    def observe_scale(self, t: float, before: int, after: int) -> None:
        """The autoscaler changed the target's replicas; changes that others make are no events of its own."""
        if after > before:
            self._added.record(t, after - before)
        elif after < before:
            self._removed.record(t, before - after)

    def _normalised(self, now: float, current: int, wanted: int) -> tuple[int, Reason]:
        stabilised = self._recommendations.stabilised(now, current, wanted)
        desired, limit = self._limited(now, current, stabilised)
        if limit is not None:
            return desired, limit
        if stabilised == wanted:
            return desired, "DesiredWithinRange"
        return desired, "ScaleUpStabilized" if wanted >= current else "ScaleDownStabilized"

    def _limited(self, now: float, current: int, stabilised: int) -> tuple[int, Limit | None]:
        """Hold a change to its direction's rate and bound; bounds alone never move ``current``."""

        def start(period_seconds: float) -> int:
            added = self._added.within(now, period_seconds)
            return current - added + self._removed.within(now, period_seconds)

        if stabilised > current == self._max:  # at a bound no rate has a say
            return current, "TooManyReplicas"
        if stabilised < current == self._min:
            return current, "TooFewReplicas"
        if stabilised > current:
            rate = up_limit(self._scaling.scale_up, start)
            most = current if rate is None else max(rate, current)
            limit: Limit = "ScaleUpLimit" if most < self._max else "TooManyReplicas"
            allowed = min(most, self._max)
            return (allowed, limit) if stabilised > allowed else (stabilised, None)
        if stabilised < current:
            rate = down_limit(self._scaling.scale_down, start)
            fewest = current if rate is None else min(rate, current)
            limit = "ScaleDownLimit" if fewest > self._min else "TooFewReplicas"
            allowed = max(fewest, self._min)
            return (allowed, limit) if stabilised < allowed else (stabilised, None)
        return stabilised, None


def calm_seconds(scaling: ScalingSpec, least: int, most: int) -> float:
    """From the last load until ``least`` replicas are wanted, having had ``most``; ``inf`` above a day."""
    hpa, replicas, t = Hpa(scaling, least, most), most, 0.0
    while replicas > least:
        if t > _DAY_SECONDS:
            return math.inf
        fewer = hpa.decide_on(t, replicas, 0).desired
        hpa.observe_scale(t, replicas, fewer)
        replicas = fewer
        t += SYNC_SECONDS
    return t
