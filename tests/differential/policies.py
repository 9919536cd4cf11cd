"""Random autoscalers: bounds, metrics and behaviours of every kind. Seeded.

Windows and periods keep clear of multiples of the sync period, for what is on the edge of one is decided by
milliseconds that nobody records.
"""

import random
from dataclasses import dataclass

from elastic_vllm.spec import ScalingSpec

PERIODS = (22, 37, 52, 67, 97)
UP_WINDOWS = (0, 0, 0, 22, 52)
DOWN_WINDOWS = (0, 0, 22, 52, 97, 300)
KINDS = (
    *("cpu-utilization",) * 4,
    *("cpu-value", "container-utilization", "memory-utilization", "memory-value", "pods-average"),
    *("external-whole", "external-average", "object-whole", "object-average"),
)
"""What is measured, and against which kind of target."""


@dataclass(frozen=True)
class Policy:
    """One autoscaler as it will be made."""

    name: str
    least: int
    most: int
    scaling: ScalingSpec


def policies(count: int, seed: int) -> list[Policy]:
    """As many as are asked for, always the same."""
    rng = random.Random(f"policies {seed}")
    return [_policy(f"h{number:03}", rng) for number in range(count)]


def _policy(name: str, rng: random.Random) -> Policy:
    least = rng.choice((1, 1, 1, 2))
    kinds = [rng.choice(KINDS)]
    if rng.random() < 0.2:
        kinds.append(rng.choice(KINDS))
    scaling = {
        "preset": None,
        "metrics": [_metric(kind, name, place, rng) for place, kind in enumerate(kinds)],
        "scaleUp": _behavior(rng, UP_WINDOWS, (10, 50, 100, 200)),
        "scaleDown": _behavior(rng, DOWN_WINDOWS, (10, 34, 50, 100)),
    }
    return Policy(name, least, rng.randint(least + 1, 5), ScalingSpec.model_validate(scaling))


def _behavior(rng: random.Random, windows: tuple[int, ...], percents: tuple[int, ...]) -> dict[str, object]:
    def step() -> dict[str, object]:
        kind = rng.choice(("Pods", "Percent"))
        value = rng.choice((1, 1, 2, 3)) if kind == "Pods" else rng.choice(percents)
        return {"type": kind, "value": value, "periodSeconds": rng.choice(PERIODS)}

    return {
        "stabilizationWindowSeconds": rng.choice(windows),
        "selectPolicy": rng.choice(("Max",) * 5 + ("Min",) * 4 + ("Disabled",)),
        "policies": [step() for _ in range(rng.choice((1, 1, 2)))],
    }


def _metric(kind: str, name: str, place: int, rng: random.Random) -> dict[str, object]:
    quantity = rng.choice(("500m", "3", "250"))
    source, _, target = kind.partition("-")
    by_target: dict[str, dict[str, object]] = {
        "utilization": {"utilization": rng.choice((50, 70, 150))},
        "value": {"averageValue": "700Mi" if source == "memory" else "700m"},
        "average": {"averageValue": quantity},
        "whole": {"value": quantity},
    }
    described = {"describedApiVersion": "v1", "describedKind": "Service", "describedName": name}
    by_source: dict[str, dict[str, object]] = {
        "cpu": {"type": "Resource", "name": "cpu"},
        "container": {"type": "ContainerResource", "name": "cpu"},
        "memory": {"type": "Resource", "name": "memory"},
        "pods": {"type": "Pods", "name": f"queue-{place}"},
        "external": {"type": "External", "name": f"{name}-{place}"},
        "object": {"type": "Object", "name": f"load-{place}", **described},
    }
    return {**by_source[source], "target": by_target[target]}
