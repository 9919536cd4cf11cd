"""A made drill, shaped like a real one: ramp → peak → trough, up to ten replicas and back to one.

A crude model of the controllers, second by second; good for pictures and tables, no proof of anything.
"""

import math
import random
from dataclasses import dataclass, field, replace

from elastic_vllm.simulate import timeline

CAPACITY_RPS = 4.2
PHASES = (("ramp", 150, 0.3, 6.6), ("peak", 100, 6.6, 6.6), ("trough", 120, 0.2, 0.2))
HOURLY = {"g6e.xlarge": 1.861, "g6e.2xlarge": 2.242}


@dataclass
class _Replica:
    name: str
    created: int
    node: int
    """When its node registered."""
    ready: int
    leaving: int = 10**6
    gone: int = 10**6


@dataclass
class _World:
    """What the sample's loop changes."""

    machines: tuple[str, ...]
    dice: random.Random
    boot: int = 12
    load: int = 20
    wanted: int = 1
    backlog: float = 0.0
    usd: float = 0.0
    replicas: list[_Replica] = field(default_factory=lambda: [_Replica("chat-0", -90, -60, -40)])
    happenings: list[timeline.Happening] = field(default_factory=list)
    changes: list[timeline.ScaleChange] = field(default_factory=list)
    advice: list[int] = field(default_factory=list)

    def tell(self, t: float, kind: str, subject: str, text: str) -> None:
        self.happenings.append(
            timeline.Happening.model_validate({"t": t, "kind": kind, "subject": subject, "text": text})
        )

    def machine(self, replica: _Replica) -> str:
        return self.machines[int(replica.name.removeprefix("chat-")) % len(self.machines)]

    def count(self, t: int, low: str, high: str) -> int:
        """Replicas between two moments of their lives."""
        return sum(getattr(each, low) <= t < min(getattr(each, high), each.leaving) for each in self.replicas)

    def nodes(self, t: int) -> dict[str, int]:
        there = [self.machine(one) for one in self.replicas if one.node <= t < one.gone + 15]
        return {kind: there.count(kind) for kind in sorted(set(there))}


def run(*, seed: int = 7, machines: tuple[str, ...] = ("g6e.xlarge",), **keys: object) -> timeline.Run:
    """The whole drill; ``keys`` replace fields of the run, as in ``checks=()``."""
    world = _World(machines, random.Random(seed))
    seconds: list[timeline.Second] = []
    samples: list[timeline.MetricSample] = []
    sent = 0
    for t, phase, load in _loads():
        if t % 15 == 1:
            _scale(world, t, load)
            samples.append(_sample(world, t, load))
        second = _second(world, t, phase, load)
        sent += round(second.offered_rps)
        seconds.append(second)
    ledger = timeline.Ledger(sent=sent, answered=sent - 9, refused=7, aborted=0, in_flight=2)
    facts: dict[str, object] = {
        **_FACTS,
        "seed": seed,
        "duration_seconds": float(len(seconds)),
        "seconds": seconds,
        "happenings": sorted(
            [*world.happenings, *_happenings(world, len(seconds))], key=lambda each: (each.t, each.subject)
        ),
        "scale_changes": world.changes,
        "metric_samples": samples,
        "ready": [
            timeline.ReplicaReady(k=k, t=float(max(t, 0)))
            for k, t in enumerate(sorted(one.ready for one in world.replicas), start=1)
        ],
        "ledger": ledger,
        "ledger_marks": [timeline.LedgerAt(t=float(len(seconds)), ledger=ledger)],
        "assumptions": _ASSUMPTIONS,
        "checks": _checks(world),
    }
    return timeline.Run.model_validate({**facts, **keys})


def _loads() -> list[tuple[int, str, float]]:
    loads = [
        (phase, low + (high - low) * at / length)
        for phase, length, low, high in PHASES
        for at in range(length)
    ]
    return [(t, *load) for t, load in enumerate(loads, start=1)]


def _scale(world: _World, t: int, load: float) -> None:
    """The HPA's advice, two up per 30 s at most, down after 30 s of low advice."""
    ready = max(world.count(t, "ready", "gone"), 1)
    world.advice = [*world.advice[-2:], max(1, min(10, math.ceil(min(load, ready * 1.6) / 0.7)))]
    before, want = world.wanted, world.wanted
    if world.advice[-1] > before and (not world.changes or t - world.changes[-1].t >= 30):
        want = min(before + 2, world.advice[-1])
    elif max(world.advice) < before:
        want = max(before - 3, *world.advice)
    if want == before:
        return
    world.wanted = want
    world.changes.append(timeline.ScaleChange(t=t, before=before, after=want))
    world.tell(t, "hpa", "HorizontalPodAutoscaler", f"wants {want}")
    world.tell(t + 0.1, "replicas", "Deployment", f"{before} → {want}")
    for k in range(before, want):
        registered = t + world.boot + world.dice.randrange(3)
        world.replicas.append(
            _Replica(f"chat-{k}", t, registered, registered + world.load + world.dice.randrange(4))
        )
    for old in world.replicas[want:]:
        if old.leaving > t:
            old.leaving, old.gone = t, t + 6


def _second(world: _World, t: int, phase: str, load: float) -> timeline.Second:
    mean = load * CAPACITY_RPS
    offered = max(0, round(world.dice.gauss(mean, mean**0.5)))
    ready = world.count(t, "ready", "gone")
    room = ready * CAPACITY_RPS
    world.backlog = max(0.0, world.backlog + offered - room)
    busy = min(1.0, (offered + world.backlog) / max(room, 1))
    first = 0.17 + 0.2 * busy + world.backlog / max(room, 1)
    nodes = world.nodes(t)
    hourly = sum(HOURLY[kind] * count for kind, count in nodes.items())
    world.usd += hourly / 3600
    return timeline.Second(
        t=float(t),
        phase=phase,
        offered_rps=float(offered),
        wanted=world.wanted,
        without_node=world.count(t, "created", "node"),
        loading=world.count(t, "node", "ready"),
        ready=ready,
        leaving=sum(each.leaving <= t < each.gone for each in world.replicas),
        nodes=nodes,
        running=round(ready * 13 * busy),
        waiting=round(world.backlog),
        ttft_p50=None if t < 3 else round(first, 4),
        ttft_p99=None if t < 3 else round(first * world.dice.uniform(1.7, 2.6), 4),
        usd_per_hour=round(hourly, 4),
        usd=round(world.usd, 6),
        cpu_utilization=round(25 + 65 * busy, 1),
    )


def _sample(world: _World, t: int, load: float) -> timeline.MetricSample:
    here = [each for each in world.replicas if each.created <= t < each.gone]
    share = load / max(world.count(t, "ready", "gone"), 1)
    pods = [
        timeline.PodSample(
            name=each.name,
            cpu_millicores=1000 + 1800 * min(share, 1.1) if each.ready <= t else None,
            request_millicores=4000,
            phase="Running" if each.node <= t else "Pending",
            ready=each.ready <= t,
            started_t=float(each.node) if each.node <= t else None,
            ready_changed_t=float(each.ready) if each.ready <= t else None,
            sampled_t=float(t - 4) if each.ready <= t else None,
            window_seconds=10.0 if each.ready <= t else None,
            leaving=each.leaving <= t,
        )
        for each in here
    ]
    return timeline.MetricSample(t=float(t), replicas=world.wanted, pods=tuple(pods))


def _happenings(world: _World, end: int) -> list[timeline.Happening]:
    scribe = replace(world, happenings=[])
    start = 0
    for phase, length, *_ in PHASES:
        scribe.tell(start + 1, "phase", phase, "begins")
        start += length
    for each in world.replicas:
        moments = {
            "created": each.created,
            "ready": each.ready,
            "terminating": each.leaving,
            "gone": each.gone,
        }
        for text, at in moments.items():
            if 0 < at <= end:
                scribe.tell(at + 0.2, "pod", each.name, text)
        if 0 < each.node <= end:
            scribe.tell(each.node + 0.3, "node", f"node-{each.name}", f"{world.machine(each)} registered")
    return scribe.happenings


def _checks(world: _World) -> list[timeline.Check]:
    rows = [
        ("surge", "No 30 s window adds more than 2 replicas", "2 (1 s tolerance)", "2"),
        ("peak", "The drill reaches 10 ready replicas", "10", str(max(one.after for one in world.changes))),
        ("returns", "It returns to 1 replica on 1 node", "1 and 1", "1 and 1"),
        ("ledger", "sent = answered + refused + aborted + in flight", "equal", "equal"),
        ("refused", "Refused once the last planned replica is Ready", "< 0.1 %", "0.00 %"),
        ("aborted", "Requests aborted over scale-down", "0", "0"),
    ]
    ready = sorted(one.ready for one in world.replicas)
    for k, t in list(enumerate(ready, start=1))[1:]:
        asked = world.replicas[k - 1].created
        bound = asked + world.boot + world.load + 25
        rows.append(
            (
                f"ready-{k}",
                f"Replica {k} is Ready in time",
                f"{bound:.1f} s = {asked} + 12 + 20 + 25",
                f"{t}.0 s",
            )
        )
    return [
        timeline.Check(id=name, text=text, bound=bound, measured=measured, passed=True)
        for name, text, bound, measured in rows
    ]


_FACTS: dict[str, object] = {
    "stack": "local",
    "model": "chat",
    "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8",
    "pool": "l40s",
    "machine": "g6e.xlarge",
    "usd_per_node_hour": HOURLY["g6e.xlarge"],
    "node_autoscaler": "Karpenter",
    "scenario": "ramp-peak-trough",
    "compression": 10.0,
    "boot_seconds": 12.0,
    "load_seconds": 20.0,
    "min_replicas": 1,
    "max_replicas": 10,
    "ttft_slo_seconds": 2.0,
    "error_rate_slo": 0.001,
    "started_at": "2026-03-04T10:11:12Z",
}
_ASSUMPTIONS = [
    timeline.Assumption(name=name, value=value, basis=basis)
    for name, value, basis in (
        ("decode time per token", "11.4 ms", "memory bandwidth of the accelerator and FP8 weights, at 60 %"),
        ("vision encoder", "38 ms per image", "FLOPs of the encoder at 40 % of the dense peak"),
        (
            "CPU of a busy engine",
            "1.0 core + 45 m per running request",
            "vLLM's engine loop keeps one core busy",
        ),
        ("boot of a machine", "120 s", "mid-range of published reports; see the catalogue"),
    )
]
