"""Pods and policies for tests of the HPA model.

Utilization is of 1,000 requested millicores per pod, so a pod's millicores are ten times its per cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from elastic_vllm.simulate.hpa import Decision, Hpa, Reading
from elastic_vllm.spec import ScalingSpec

UP = {"type": "Pods", "value": 100, "periodSeconds": 15}
DOWN = {"type": "Percent", "value": 100, "periodSeconds": 15}
NOW = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that has been Ready and measured for long, unless told otherwise."""

    name: str
    cpu_millicores: float | None
    request_millicores: float = 1000
    phase: str = "Running"
    ready: bool = True
    started_t: float | None = 0
    ready_changed_t: float | None = 100
    sampled_t: float | None = NOW
    window_seconds: float | None = 10
    leaving: bool = False


def busy(*millicores: float | None) -> list[Pod]:
    return [Pod(name=f"pod-{place}", cpu_millicores=cpu) for place, cpu in enumerate(millicores)]


def pending(count: int) -> list[Pod]:
    return [Pod(name=f"new-{n}", cpu_millicores=None, phase="Pending", ready=False) for n in range(count)]


def direction(*policies: dict[str, object], window: int = 0, select: str = "Max") -> dict[str, object]:
    return {"stabilizationWindowSeconds": window, "policies": policies, "selectPolicy": select}


def scaling(
    *metrics: dict[str, object], up: dict[str, object] | None = None, down: dict[str, object] | None = None
) -> ScalingSpec:
    """CPU 70 %, unless told otherwise; anything at once in both directions, without windows."""
    return ScalingSpec.model_validate(
        {
            "preset": None,
            "metrics": metrics or (cpu(utilization=70),),
            "scaleUp": up or direction(UP),
            "scaleDown": down or direction(DOWN),
        }
    )


def cpu(**target: object) -> dict[str, object]:
    return {"type": "Resource", "name": "cpu", "target": target}


def decide(
    pods: list[Pod],
    replicas: int | None = None,
    spec: ScalingSpec | None = None,
    readings: dict[int, Reading] | None = None,
) -> Decision:
    hpa = Hpa(spec or scaling(), 1, 100)
    return hpa.decide(NOW, len(pods) if replicas is None else replicas, pods, readings)


def altered(pod: Pod, changes: dict[str, object]) -> Pod:
    values = {name: getattr(pod, name) for name in pod.__dataclass_fields__} | changes
    return Pod(**values)


def step(
    hpa: Hpa, now: float, replicas: int, pods: Sequence[Pod], readings: Mapping[int, Reading] | None = None
) -> Decision:
    """Decide, and take it that the target was scaled so at once."""
    decision = hpa.decide(now, replicas, pods, readings)
    hpa.observe_scale(now, replicas, decision.desired)
    return decision
