"""What a policy's behaviours leave of a recommendation: first stabilised, then held to rate and bounds.

The real controller's order, which its own comments tell differently: windows are over what the metrics asked
for, unclamped; rate and bounds apply to what the windows leave.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from elastic_vllm.spec.scaling import Behavior, PolicyStep

Limit = Literal["ScaleUpLimit", "TooManyReplicas", "ScaleDownLimit", "TooFewReplicas"]
"""What held a recommendation back, by the reason that the HPA's ``ScalingLimited`` condition gives."""


@dataclass(frozen=True)
class Event:
    """Replicas really added, or really removed, at a moment."""

    t: float
    replicas: int


@dataclass
class Events:
    """The changes of one direction. Kept as the controller keeps them, because that shows.

    An event older than the longest period of *its own* direction's policies may be overwritten by a later
    one (the last such in the list is). The other direction reads this list too, with its own periods: with a
    longer period than this direction has, it misses what was overwritten.
    """

    longest_period_seconds: float
    _events: list[Event] = field(default_factory=list)

    def record(self, t: float, replicas: int) -> None:
        """Replicas changed by so many at ``t``."""
        event = Event(t, replicas)
        outdated = [
            place for place, old in enumerate(self._events) if old.t < t - self.longest_period_seconds
        ]
        if outdated:
            self._events[outdated[-1]] = event
        else:
            self._events.append(event)

    def within(self, now: float, period_seconds: float) -> int:
        """Replicas changed in the period that ends now; exactly one period ago is outside."""
        return sum(event.replicas for event in self._events if event.t > now - period_seconds)


@dataclass
class Recommendations:
    """What the metrics asked for in the recent past."""

    up_window_seconds: float
    down_window_seconds: float
    _times: list[float] = field(default_factory=list)
    """Rising: one for each of ``_asked``."""
    _asked: list[int] = field(default_factory=list)

    def begin(self, now: float, replicas: int) -> None:
        """The first sync takes the replicas that it finds for a recommendation."""
        if not self._times:
            self._remember(now, replicas)

    def stabilised(self, now: float, current: int, wanted: int) -> int:
        """``current``, moved no further than every recommendation of a direction's window allows."""
        upward = self._within(now, self.up_window_seconds)
        downward = self._within(now, self.down_window_seconds)
        outdated = bisect_left(self._times, now - max(self.up_window_seconds, self.down_window_seconds))
        del self._times[:outdated], self._asked[:outdated]
        self._remember(now, wanted)
        return min(max(current, min([wanted, *upward])), max([wanted, *downward]))

    def _within(self, now: float, seconds: float) -> list[int]:
        """Exactly a window ago is outside."""
        return self._asked[bisect_right(self._times, now - seconds) :]

    def _remember(self, now: float, replicas: int) -> None:
        self._times.append(now)
        self._asked.append(replicas)


def step_up(step: PolicyStep, start: int) -> int:
    """The maximum of replicas that one policy allows to a period that began with ``start``."""
    if step.type == "Pods":
        return start + step.value
    return ceil(start * (1 + step.value / 100))


def step_down(step: PolicyStep, start: int) -> int:
    """The minimum of replicas that one policy allows to a period that began with ``start``."""
    if step.type == "Pods":
        return start - step.value
    return int(start * (1 - step.value / 100))  # towards zero, as Go converts


def up_limit(behavior: Behavior, start: Callable[[float], int]) -> int | None:
    """The maximum of replicas, given what there were a period ago; None where upward is disabled."""
    allowed = [step_up(step, start(step.period_seconds)) for step in behavior.policies]
    return _selected(behavior, min(allowed), max(allowed))


def down_limit(behavior: Behavior, start: Callable[[float], int]) -> int | None:
    """The minimum of replicas, given what there were a period ago; None where downward is disabled."""
    allowed = [step_down(step, start(step.period_seconds)) for step in behavior.policies]
    return _selected(behavior, max(allowed), min(allowed))


def _selected(behavior: Behavior, least_change: int, most_change: int) -> int | None:
    match behavior.select_policy:
        case "Disabled":
            return None
        case "Min":
            return least_change
        case "Max":
            return most_change


def longest_period(steps: Sequence[PolicyStep]) -> float:
    """Of the policies of one direction."""
    return max(step.period_seconds for step in steps)
