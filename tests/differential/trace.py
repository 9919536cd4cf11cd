"""What 200 autoscalers saw and did under the real controller manager, as data, and the model asked the same.

One line of JSON for each autoscaler, compressed. Times are seconds since the recording began.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from elastic_vllm.simulate.hpa import Decision, Hpa, PerPod, Reading, Whole
from elastic_vllm.simulate.hpa.behavior import Limit
from elastic_vllm.spec import ScalingSpec

LIMITS = get_args(Limit)
PATH = Path(__file__).with_name("trace.jsonl.gz")
"""The recording that every test run replays; ``make test-slow`` with ``--update-golden`` makes it anew."""


@dataclass(frozen=True)
class Pod:
    """One pod as it was when the controller looked; a ``elastic_vllm.simulate.hpa.Pod``."""

    name: str
    phase: str
    ready: bool
    started_t: float | None
    ready_changed_t: float | None
    leaving: bool
    request_millicores: float
    cpu_millicores: float | None = None
    sampled_t: float | None = None
    window_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Sync:
    """One look of the controller at one autoscaler, and what came of it."""

    t: float
    replicas: int
    pods: tuple[Pod, ...]
    readings: Mapping[int, Reading]
    desired: int
    changed_t: float | None
    """When the target was seen scaled."""
    active: bool | None
    """The HPA's condition ``ScalingActive``; None where the controller sets none."""
    limited: str | None
    """The reason of its condition ``ScalingLimited``, while that is true."""


@dataclass
class Recorded:
    """One autoscaler's whole life."""

    name: str
    least: int
    most: int
    scaling: Mapping[str, object]
    syncs: list[Sync] = field(default_factory=list)


def replay(recorded: Recorded) -> Iterator[tuple[Sync, Decision]]:
    """The model's decision beside each of the controller's; it is told what the controller really did."""
    hpa = Hpa(ScalingSpec.model_validate(recorded.scaling), recorded.least, recorded.most)
    for sync in recorded.syncs:
        decision = hpa.decide(sync.t, sync.replicas, sync.pods, sync.readings)
        yield sync, decision
        if sync.changed_t is not None:
            hpa.observe_scale(sync.changed_t, sync.replicas, sync.desired)


def differences(recorded: Recorded) -> Iterator[str]:
    """Every decision that the model makes otherwise, or for another reason."""
    for place, (sync, decision) in enumerate(replay(recorded)):
        where = f"{recorded.name}, sync {place} at {sync.t:.1f} s"
        if decision.desired != sync.desired:
            yield f"{where}: {sync.replicas} → {sync.desired}, the model {decision}"
        if sync.active is None:
            continue
        if sync.active != (decision.reason != "MetricsFailed"):
            yield f"{where}: ScalingActive is {sync.active}, the model {decision}"
        limited = decision.reason if decision.reason in LIMITS else None
        if sync.active and sync.limited != limited:
            yield f"{where}: limited by {sync.limited}, the model {decision}"


def kinds(recorded: Recorded) -> str:
    """The metrics that it scales on, by type, resource and target."""
    metrics = ScalingSpec.model_validate(recorded.scaling).metrics
    names = [metric.name if "Resource" in metric.type else "" for metric in metrics]
    told = [f"{m.type} {name} {' '.join(m.target.given)}" for m, name in zip(metrics, names, strict=True)]
    return ", ".join(told)


def chosen(recorded: Sequence[Recorded]) -> list[Recorded]:
    """Few enough to keep: one for every pair of metric kinds and reason, and four for every reason."""
    kept: list[Recorded] = []
    pairs: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for one in recorded:
        shown = {decision.reason for _, decision in replay(one)}
        if any(not pairs[kinds(one), reason] or reasons[reason] < 4 for reason in shown):
            kept.append(one)
            pairs.update((kinds(one), reason) for reason in shown)
            reasons.update(shown)
    return kept


def write(path: Path, recorded: Sequence[Recorded]) -> None:
    """The same recording gives the same bytes."""
    lines = [json.dumps(_plain(one), separators=(",", ":"), sort_keys=True) for one in recorded]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def read(path: Path) -> list[Recorded]:
    """What ``write`` wrote."""
    return [_recorded(json.loads(line)) for line in gzip.decompress(path.read_bytes()).splitlines()]


def _plain(one: Recorded) -> dict[str, Any]:
    return {
        "name": one.name,
        "min": one.least,
        "max": one.most,
        "scaling": one.scaling,
        "syncs": [
            {
                "t": sync.t,
                "replicas": sync.replicas,
                "pods": [list(vars(pod).values()) for pod in sync.pods],
                "readings": {str(place): _reading(value) for place, value in sync.readings.items()},
                "desired": sync.desired,
                "changed": sync.changed_t,
                "active": sync.active,
                "limited": sync.limited,
            }
            for sync in one.syncs
        ],
    }


def _reading(reading: Reading) -> Any:
    if isinstance(reading, Whole):
        return reading.value
    return [dict(reading.values), dict(reading.requests)]


def _recorded(raw: Mapping[str, Any]) -> Recorded:
    syncs = [
        Sync(
            t=sync["t"],
            replicas=sync["replicas"],
            pods=tuple(Pod(*values) for values in sync["pods"]),
            readings={
                int(place): Whole(value) if isinstance(value, int) else PerPod(*value)
                for place, value in sync["readings"].items()
            },
            desired=sync["desired"],
            changed_t=sync["changed"],
            active=sync["active"],
            limited=sync["limited"],
        )
        for sync in raw["syncs"]
    ]
    return Recorded(raw["name"], raw["min"], raw["max"], raw["scaling"], syncs)
