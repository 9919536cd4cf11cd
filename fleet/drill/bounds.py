"""When each replica had to be Ready: a drill's record, replayed through the documented HPA algorithm.

The algorithm gets what the real controller could see, the recorded metric samples, and what it did, the
recorded changes of ``.spec.replicas``. So rate limits and windows are in what it asks for, and a late
change delays the bounds of the replicas after it, but never its own.

An answer of the metrics API is recorded when it says something new and stands until the next, while rates
and windows move on: so the algorithm is asked at each sample and every second in between. An ask counts
from the moment from which it stood until the controller must have seen it: a whole sync period, or until
the controller scaled so far. (Asked every second, the model also sees peaks that pass between two syncs.)

``bound(k) = asked(k) + boot + load + SLACK_SECONDS``. Boot is in it even where a node happens to be there: it
is a bound, no estimate. Only where the stack pays for a warm place it is left out. Where the controller
scaled to ``k`` before the algorithm asked, the change takes the ask's place, and the line says so: the
samples lack what the policy scales on, or it came and went between two. (From the change on, the algorithm
merely keeps what it finds: that is no ask.)
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from elastic_vllm.simulate.hpa import Hpa
from elastic_vllm.simulate.timeline import MetricSample, Run
from elastic_vllm.spec import ScalingSpec

SLACK_SECONDS = 25.0
"""One HPA sync, and ten seconds for scheduler, node autoscaler, kubelet and watch."""
_SKEW_SECONDS = 1.0
"""The drill reads the metrics API each second, and hears of a change a little after it was made: the
controller may have read just before, and its periods begin just before."""


@dataclass(frozen=True)
class Asked:
    """Since when ``k`` replicas were asked for."""

    k: int
    t: float
    by_algorithm: bool
    """False where only the recorded change of ``.spec.replicas`` tells."""


@dataclass(frozen=True)
class _Moment:
    t: float
    desired: int


def asked(run: Run, scaling: ScalingSpec) -> list[Asked]:
    """When each replica above the minimum was first asked for, up to the last that was."""
    decisions = list(_decisions(run, scaling))
    found: list[Asked] = []
    for k in range(run.min_replicas + 1, run.max_replicas + 1):
        changed = next((change.t for change in run.scale_changes if change.after >= k), None)
        stood = _stood(decisions, k, changed, run.sync_period_seconds + _SKEW_SECONDS)
        if stood is not None and (changed is None or stood < changed):
            found.append(Asked(k, stood, by_algorithm=True))
        elif changed is not None:
            found.append(Asked(k, changed, by_algorithm=False))
        else:
            break
    return found


def bound(run: Run, since: Asked) -> float:
    """When that replica had to be Ready."""
    boot = 0.0 if is_warm(run, since) else run.boot_seconds
    return since.t + boot + run.load_seconds + SLACK_SECONDS


def is_warm(run: Run, since: Asked) -> bool:
    """Whether a node was kept for it: a drill begins with all warm places; the first replicas take them."""
    return since.k <= run.min_replicas + run.headroom


def _stood(decisions: list[_Moment], k: int, changed: float | None, seconds: float) -> float | None:
    """Since when ``k`` was asked for until it was given, or for so many seconds."""
    since: float | None = None
    for moment in decisions:
        if moment.desired < k:
            if since is not None and _lies(since, changed, moment.t):
                return since
            since = None
            continue
        since = moment.t if since is None else since
        if moment.t - since >= seconds or _lies(since, changed, moment.t):
            return since
    return since if since is not None and changed is not None and since <= changed else None


def _lies(start: float, t: float | None, end: float) -> bool:
    return t is not None and start <= t <= end


def _decisions(run: Run, scaling: ScalingSpec) -> Iterator[_Moment]:
    hpa = Hpa(scaling, run.min_replicas, run.max_replicas)
    changes = iter([*run.scale_changes])
    change = next(changes, None)
    for t, sample in _asks(run):
        while change is not None and change.t < t:
            hpa.observe_scale(change.t - _SKEW_SECONDS, change.before, change.after)
            change = next(changes, None)
        yield _Moment(t, hpa.decide(t, _replicas(run, t, sample), sample.pods).desired)


def _asks(run: Run) -> Iterator[tuple[float, MetricSample]]:
    """Each sample, every second after it, and the moment of each change, as it was before that change."""
    samples = run.metric_samples
    ends = [*(sample.t for sample in samples[1:]), run.duration_seconds]
    for sample, end in zip(samples, ends, strict=False):
        seconds = [sample.t + n for n in range(max(1, math.ceil(end - sample.t)))]
        changes = [change.t for change in run.scale_changes if sample.t < change.t < end]
        for t in sorted({*seconds, *changes}):
            yield t, sample


def _replicas(run: Run, t: float, sample: MetricSample) -> int:
    """What the watch said before that moment; the sample itself, if nothing had changed since."""
    place = bisect_left(run.scale_changes, t, key=lambda change: change.t)
    last = run.scale_changes[place - 1] if place else None
    return last.after if last is not None and last.t > sample.t else sample.replicas
