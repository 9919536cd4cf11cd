"""From what was asked, answered and seen to one trace: each sync with all that it knew and what it did."""

import math
from bisect import bisect_right
from itertools import pairwise

from elastic_vllm.spec import ScalingSpec
from tests.differential.experiment import Experiment, Scaled, Seen, Status
from tests.differential.subject import Look, Subject
from tests.differential.trace import Pod, Recorded, Sync

_DECIDED_SECONDS = 8.0
"""Within which a sync has scaled."""


def assemble(experiment: Experiment, epoch: int) -> list[Recorded]:
    """Every autoscaler's life; its last sync, whose end nobody saw, is left out.

    A life ends early where the machine was too slow to move its pods on between two syncs, or lost an answer.
    """
    return [
        Recorded(
            subject.name,
            subject.policy.least,
            subject.policy.most,
            _plain(subject.policy.scaling),
            _syncs(subject, experiment.seen[subject.name], epoch),
        )
        for subject in experiment.subjects.values()
    ]


def _plain(scaling: ScalingSpec) -> dict[str, object]:
    return scaling.model_dump(mode="json", by_alias=True, exclude_none=True) | {"preset": None}


def _syncs(subject: Subject, seen: Seen, epoch: int) -> list[Sync]:
    end = next((look.t for look in subject.looks if not look.at_rest or _lost(look, seen)), math.inf)
    forced = [
        change
        for change in seen.scaled
        if not change.by_hand and not any(0 <= change.t - look.t < _DECIDED_SECONDS for look in subject.looks)
    ]
    moments: list[Look | Scaled] = [*subject.looks, *forced]
    lived = sorted((each for each in moments if each.t <= end), key=lambda each: each.t)
    return [_sync(moment, following.t, seen, epoch) for moment, following in pairwise(lived)]


def _lost(look: Look, seen: Seen) -> bool:
    """Whether the controller missed an answer that was given."""
    given = all(body is not None and body["items"] for body in look.bodies.values())
    return given and _status(seen, look.t + 14.0).unfetched


def _sync(moment: Look | Scaled, following_t: float, seen: Seen, epoch: int) -> Sync:
    if isinstance(moment, Scaled):  # bounds were restored; metrics were not asked
        before = _replicas(seen, moment.t - 0.001)
        t = moment.t - epoch
        return Sync(
            t=t,
            replicas=before,
            pods=(),
            readings={},
            desired=moment.replicas,
            changed_t=t,
            active=None,
            limited=None,
        )
    change = next((c for c in seen.scaled if not c.by_hand and 0 <= c.t - moment.t < _DECIDED_SECONDS), None)
    before = _replicas(seen, moment.t)
    status = _status(seen, min(following_t, moment.t + 14.0))
    return Sync(
        t=round(moment.t - epoch, 3),
        replicas=before,
        pods=tuple(_since(pod, epoch) for pod in moment.pods),
        readings=moment.readings,
        desired=before if change is None else change.replicas,
        changed_t=None if change is None else round(change.t - epoch, 3),
        active=status.active,
        limited=status.limited,
    )


def _replicas(seen: Seen, t: float) -> int:
    place = bisect_right(seen.scaled, t, key=lambda change: change.t)
    return seen.scaled[max(place - 1, 0)].replicas


def _status(seen: Seen, t: float) -> Status:
    place = bisect_right(seen.statuses, t, key=lambda status: status.t)
    return seen.statuses[max(place - 1, 0)]


def _since(pod: Pod, epoch: int) -> Pod:
    def moved(t: float | None) -> float | None:
        return None if t is None else t - epoch

    return Pod(
        pod.name,
        pod.phase,
        pod.ready,
        moved(pod.started_t),
        moved(pod.ready_changed_t),
        pod.leaving,
        pod.request_millicores,
        pod.cpu_millicores,
        moved(pod.sampled_t),
        pod.window_seconds,
    )
