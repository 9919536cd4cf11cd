"""Small drills, made by hand: a rise from one replica to five under the seed's rates, and back.

Boot takes 12 s and load 20 s. The metrics ask for three replicas at 10 s and for five at 60 s, so replicas 2
and 3 are due by 67 s, replicas 4 and 5 by 117 s (ask + 12 + 20 + 25).
"""

from collections.abc import Mapping, Sequence

from elastic_vllm.simulate.scenario import Scenario, parse
from elastic_vllm.simulate.timeline import (
    Happening,
    Ledger,
    LedgerAt,
    MetricSample,
    PodSample,
    ReplicaReady,
    Run,
    ScaleChange,
    Second,
)
from elastic_vllm.spec import ScalingSpec

DURATION = 180
SENT_PER_SECOND = 100
SCALING = ScalingSpec.model_validate(
    {
        "scaleDown": {
            "stabilizationWindowSeconds": 10,
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}],
        }
    }
)


def pods(millicores: Sequence[float], pending: int = 0) -> tuple[PodSample, ...]:
    """Settled pods that request 1,000 millicores each, and pods without a node."""
    settled = {
        "phase": "Running",
        "ready": True,
        "started_t": -1000.0,
        "ready_changed_t": -900.0,
        "sampled_t": 0.0,
        "window_seconds": 10.0,
    }
    without_node = {
        "phase": "Pending",
        "ready": False,
        "started_t": None,
        "ready_changed_t": None,
        "sampled_t": None,
        "window_seconds": None,
    }
    states = [(cpu, settled) for cpu in millicores] + [(None, without_node)] * pending
    return tuple(
        PodSample.model_validate(
            {"name": f"pod-{n}", "cpu_millicores": cpu, "request_millicores": 1000, "leaving": False} | state
        )
        for n, (cpu, state) in enumerate(states)
    )


def sample(t: float, replicas: int, millicores: Sequence[float], pending: int = 0) -> MetricSample:
    return MetricSample(t=t, replicas=replicas, pods=pods(millicores, pending))


SAMPLES = (
    sample(0, 1, [700]),
    sample(10, 1, [2000]),  # 200 % of a target of 70 %: three
    sample(14, 3, [2000], pending=2),
    sample(50, 3, [800, 700, 700]),
    sample(60, 3, [1100, 1100, 1100]),  # 110 %: ratio 1.57; x 3 = 4.7
    sample(66, 5, [1100, 1100, 1100], pending=2),
    sample(105, 5, [700] * 5),
    sample(120, 5, [100] * 5),
    sample(140, 3, [100] * 3),
    sample(155, 1, [100]),
)


def changes(*steps: tuple[float, int, int]) -> tuple[ScaleChange, ...]:
    return tuple(ScaleChange(t=t, before=before, after=after) for t, before, after in steps)


CHANGES = changes((14, 1, 3), (66, 3, 5), (140, 5, 3), (155, 3, 1))
READY: Mapping[int, float] = {1: 0, 2: 48, 3: 49, 4: 100, 5: 101}


def ready(times: Mapping[int, float]) -> tuple[ReplicaReady, ...]:
    return tuple(ReplicaReady(k=k, t=t) for k, t in times.items())


def ledger(t: float, *, refused: int = 0, aborted: int = 0) -> Ledger:
    sent = round(t * SENT_PER_SECOND)
    in_flight = min(sent, 5)
    return Ledger(
        sent=sent,
        answered=sent - in_flight - refused - aborted,
        refused=refused,
        aborted=aborted,
        in_flight=in_flight,
    )


def marks(
    refused: Mapping[float, int] | None = None, aborted: Mapping[float, int] | None = None
) -> tuple[LedgerAt, ...]:
    """The ledger each second; so many refused or aborted at so many seconds."""

    def by(t: float, losses: Mapping[float, int] | None) -> int:
        return sum(count for at, count in (losses or {}).items() if at <= t)

    return tuple(
        LedgerAt(t=t, ledger=ledger(t, refused=by(t, refused), aborted=by(t, aborted)))
        for t in range(DURATION + 1)
    )


def second(t: float, **changes: object) -> Second:
    quiet = {
        "t": t,
        "phase": "trough",
        "offered_rps": SENT_PER_SECOND,
        "wanted": 1,
        "without_node": 0,
        "loading": 0,
        "ready": 1,
        "leaving": 0,
        "nodes": {"g6.xlarge": 1},
        "running": 3,
        "waiting": 0,
        "ttft_p50": 0.2,
        "ttft_p99": 0.4,
        "usd_per_hour": 1.0,
        "usd": 0.1,
        "cpu_utilization": 10.0,
    }
    return Second.model_validate(quiet | changes)


def fault(t: float, subject: str, text: str) -> Happening:
    return Happening(t=t, kind="fault", subject=subject, text=text)


def drill(**changes: object) -> Run:
    """The good drill, with what is given instead."""
    losses = changes.pop("ledger_marks", marks())
    good: dict[str, object] = {
        "stack": "local",
        "model": "chat",
        "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8",
        "pool": "l4",
        "machine": "g6.xlarge",
        "usd_per_node_hour": 0.8,
        "node_autoscaler": "Karpenter",
        "scenario": "step",
        "seed": 7,
        "compression": 10,
        "boot_seconds": 12,
        "load_seconds": 20,
        "min_replicas": 1,
        "max_replicas": 10,
        "ttft_slo_seconds": 0.5,
        "error_rate_slo": 0.001,
        "started_at": "2026-01-01T00:00:00Z",
        "duration_seconds": DURATION,
        "seconds": (second(100, wanted=5, ready=5, nodes={"g6.xlarge": 5}), second(DURATION)),
        "happenings": (),
        "scale_changes": CHANGES,
        "metric_samples": SAMPLES,
        "ready": ready(READY),
        "ledger_marks": losses,
        "ledger": losses[-1].ledger if isinstance(losses, tuple) and losses else Ledger(),
        "assumptions": (),
    }
    return Run.model_validate(good | changes)


def scenario(settle_seconds: float | None) -> Scenario:
    """The shortest scenario: one phase of 20 seconds."""
    phases = [{"name": "calm", "seconds": 20, "load": 0.5}]
    raw = {"name": "short", "description": "Some seconds of work.", "mix": {"text": 1.0}, "phases": phases}
    return parse(raw | {"settleSeconds": settle_seconds}, "short.yaml")
