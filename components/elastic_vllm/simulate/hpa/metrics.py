"""From a policy's metrics and what was read of them to one recommendation: the maximum of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from elastic_vllm.simulate.hpa import proposal
from elastic_vllm.simulate.hpa.pods import Initialization, Pod, active, group, running_ready
from elastic_vllm.simulate.hpa.proposal import (
    AverageValue,
    MetricError,
    Tolerance,
    Utilization,
    milli,
    whole_milli,
)
from elastic_vllm.spec.scaling import (
    ContainerResourceMetric,
    ExternalMetric,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
)
from elastic_vllm.vllm import container


@dataclass(frozen=True)
class PerPod:
    """One metric's value at each pod that has one, in thousandths (of a core, a byte, a request)."""

    values: Mapping[str, int]
    requests: Mapping[str, int] = field(default_factory=dict)
    """Of the resource, in thousandths; for ``utilization`` only."""


@dataclass(frozen=True)
class Whole:
    """One number for the whole, in thousandths."""

    value: int


Reading = PerPod | Whole


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the controller manager's flags decide for every autoscaler."""

    tolerance: Tolerance = field(default_factory=Tolerance)
    initialization: Initialization = field(default_factory=Initialization)


@dataclass(frozen=True)
class Moment:
    """All that the autoscaler sees in one sync."""

    now: float
    replicas: int
    """The target's ``.spec.replicas``."""
    pods: Sequence[Pod]
    readings: Mapping[int, Reading]
    """What was read of a metric, by its place in ``ScalingSpec.metrics``. CPU needs none: it is the pods'."""


def recommend(metrics: Sequence[Metric], moment: Moment, rules: Rules) -> tuple[int | None, tuple[str, ...]]:
    """The maximum that any metric asks for, and what kept others from asking.

    None if no metric gives a number, or if one gives none and the others would scale down: that one might
    have forbidden it.
    """
    wanted: list[int] = []
    failures: list[str] = []
    for place, metric in enumerate(metrics):
        try:
            wanted.append(propose(metric, moment.readings.get(place), moment, rules))
        except MetricError as error:
            failures.append(f"{metric.type} metric {metric.name}: {error}")
    if not wanted or (failures and max(wanted) < moment.replicas):
        return None, tuple(failures)
    return max(wanted), tuple(failures)


def propose(metric: Metric, reading: Reading | None, moment: Moment, rules: Rules) -> int:
    """Replicas that one metric asks for."""
    match metric:
        case ResourceMetric() | ContainerResourceMetric():
            return _resource(metric, _per_pod(reading or _pods_own(metric, moment.pods)), moment, rules)
        case PodsMetric():
            average = _target(metric.target.average_value)
            return _of_pods(_per_pod(reading), AverageValue(average), moment, rules, is_cpu=False)
        case ObjectMetric() | ExternalMetric():
            return _whole(metric, reading, moment, rules)
        case _:
            assert_never(metric)


def _pods_own(metric: ResourceMetric | ContainerResourceMetric, pods: Sequence[Pod]) -> PerPod | None:
    """CPU as the pods state it. A replica has one container, so the container's CPU is the pod's."""
    if metric.name != "cpu":
        return None
    if isinstance(metric, ContainerResourceMetric) and metric.container != container.NAME:
        return None
    return PerPod(
        {pod.name: whole_milli(pod.cpu_millicores) for pod in pods if pod.cpu_millicores is not None},
        {pod.name: whole_milli(pod.request_millicores) for pod in pods},
    )


def _per_pod(reading: Reading | None) -> PerPod:
    if not isinstance(reading, PerPod) or not reading.values:
        raise MetricError("nothing was read of it")
    return reading


def _resource(
    metric: ResourceMetric | ContainerResourceMetric, reading: PerPod, moment: Moment, rules: Rules
) -> int:
    is_cpu = metric.name == "cpu"
    if metric.target.utilization is None:
        average = AverageValue(_target(metric.target.average_value))
        return _of_pods(reading, average, moment, rules, is_cpu=is_cpu)
    without = [pod.name for pod in moment.pods if not reading.requests.get(pod.name)]
    if without:
        raise MetricError(f"pod {without[0]} requests none of it")
    target = Utilization(metric.target.utilization, reading.requests)
    return _of_pods(reading, target, moment, rules, is_cpu=is_cpu)


def _of_pods(reading: PerPod, target: proposal.Target, moment: Moment, rules: Rules, *, is_cpu: bool) -> int:
    if not moment.pods:
        raise MetricError("no pod is there to count")
    groups = group(moment.pods, reading.values, moment.now, rules.initialization if is_cpu else None)
    return proposal.of_pods(moment.replicas, groups, reading.values, target, rules.tolerance)


def _whole(
    metric: ObjectMetric | ExternalMetric, reading: Reading | None, moment: Moment, rules: Rules
) -> int:
    if not isinstance(reading, Whole):
        raise MetricError("nothing was read of it")
    if metric.target.average_value is not None:
        average = milli(metric.target.average_value)
        return proposal.of_average(active(moment.pods), reading.value, average, rules.tolerance)
    value = _target(metric.target.value)
    if moment.replicas and not moment.pods and not rules.tolerance.covers(reading.value / value):
        raise MetricError("no pod is there to count")
    ready = running_ready(moment.pods)
    return proposal.of_value(moment.replicas, ready, reading.value, value, rules.tolerance)


def _target(quantity: str | None) -> int:
    if quantity is None:
        raise AssertionError("MetricTarget allows exactly one, and the metric's kind says which")
    return milli(quantity)
