"""An ``autoscaling/v2`` HorizontalPodAutoscaler made from a ``ScalingSpec``.

It owns the target's number of replicas: the Deployment must not declare ``replicas``. Resource and
ContainerResource metrics come from the metrics API; Pods, Object and External ones need an adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import pulumi
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler

from elastic_vllm import labels
from elastic_vllm.spec import Behavior, Metric, ModelSpec, ReplicasSpec, ScalingSpec
from elastic_vllm.spec.scaling import (
    ContainerResourceMetric,
    ExternalMetric,
    MetricTarget,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
)
from elastic_vllm.vllm import group
from elastic_vllm.vllm.deployment import is_autoscaled

if TYPE_CHECKING:
    from pulumi_kubernetes.autoscaling.v2 import (
        HorizontalPodAutoscalerSpecArgsDict,
        HPAScalingRulesArgsDict,
        MetricIdentifierArgsDict,
        MetricSpecArgsDict,
        MetricTargetArgsDict,
        ObjectMetricSourceArgsDict,
    )


DEPLOYMENT = ("apps/v1", "Deployment")


@dataclass(frozen=True, kw_only=True)
class HpaPolicyArgs:
    """What to scale, between which bounds, and by what."""

    namespace: pulumi.Input[str]
    target: pulumi.Input[str]
    """The Deployment's name: ``VllmDeployment.deployment_name``."""
    model: ModelSpec
    """Whose ``replicas`` are the bounds and whose ``scaling`` is the policy; the object has its name."""


class HpaPolicy(pulumi.ComponentResource):
    """One model's horizontal autoscaler."""

    hpa_name: pulumi.Output[str]
    """The HorizontalPodAutoscaler's name."""

    def __init__(self, name: str, args: HpaPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("elastic-vllm:serving:HpaPolicy", name, None, opts)
        model = args.model
        hpa = HorizontalPodAutoscaler(
            f"{name}-hpa",
            metadata={"name": model.name, "namespace": args.namespace, "labels": labels.labels(model.name)},
            spec=hpa_spec(args.target, model.replicas, model.scaling, workload=workload(model)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.hpa_name = hpa.metadata.name
        self.register_outputs({"hpaName": self.hpa_name})


def workload(model: ModelSpec) -> tuple[str, str]:
    """What kind of object carries the replicas: groups are counted and scaled as wholes."""
    return (group.API_VERSION, group.KIND) if model.is_group else DEPLOYMENT


def hpa_spec(
    target: pulumi.Input[str],
    replicas: ReplicasSpec,
    scaling: ScalingSpec,
    *,
    workload: tuple[str, str] = DEPLOYMENT,
) -> HorizontalPodAutoscalerSpecArgsDict:
    """The whole ``spec``; both directions are written out, so no default of the cluster decides."""
    if not is_autoscaled(replicas):
        raise ValueError(
            f"replicas {replicas.min} to {replicas.max} leave nothing to scale; "
            "leave the HpaPolicy out, or raise replicas.max"
        )
    api_version, kind = workload
    return {
        "behavior": {"scale_down": rules(scaling.scale_down), "scale_up": rules(scaling.scale_up)},
        "max_replicas": replicas.max,
        "metrics": [metric_spec(metric) for metric in scaling.metrics],
        "min_replicas": replicas.min,
        "scale_target_ref": {"api_version": api_version, "kind": kind, "name": target},
    }


def rules(behavior: Behavior) -> HPAScalingRulesArgsDict:
    """How fast one direction may go."""
    return {
        "policies": [
            {"period_seconds": step.period_seconds, "type": step.type, "value": step.value}
            for step in behavior.policies
        ],
        "select_policy": behavior.select_policy,
        "stabilization_window_seconds": behavior.stabilization_window_seconds,
    }


def metric_spec(metric: Metric) -> MetricSpecArgsDict:
    """One metric in the API's form; a type without a case here is a type error."""
    to = target_spec(metric.target)
    match metric:
        case ResourceMetric():
            return {"type": "Resource", "resource": {"name": metric.name, "target": to}}
        case ContainerResourceMetric():
            return {
                "type": "ContainerResource",
                "container_resource": {"container": metric.container, "name": metric.name, "target": to},
            }
        case PodsMetric():
            return {"type": "Pods", "pods": {"metric": identifier(metric), "target": to}}
        case ObjectMetric():
            return {"type": "Object", "object": object_source(metric, to)}
        case ExternalMetric():
            return {"type": "External", "external": {"metric": identifier(metric), "target": to}}
        case _:
            assert_never(metric)


def object_source(metric: ObjectMetric, target: MetricTargetArgsDict) -> ObjectMetricSourceArgsDict:
    """A metric that describes one object, and which object."""
    return {
        "described_object": {
            "api_version": metric.described_api_version,
            "kind": metric.described_kind,
            "name": metric.described_name,
        },
        "metric": identifier(metric),
        "target": target,
    }


def identifier(metric: PodsMetric | ObjectMetric | ExternalMetric) -> MetricIdentifierArgsDict:
    """The metric's name, narrowed by labels where some are given."""
    if not metric.match_labels:
        return {"name": metric.name}
    return {"name": metric.name, "selector": {"match_labels": dict(sorted(metric.match_labels.items()))}}


def target_spec(target: MetricTarget) -> MetricTargetArgsDict:
    """The one target that the spec gives, with the type that the API wants named."""
    if target.utilization is not None:
        return {"type": "Utilization", "average_utilization": target.utilization}
    if target.average_value is not None:
        return {"type": "AverageValue", "average_value": target.average_value}
    if target.value is not None:
        return {"type": "Value", "value": target.value}
    raise AssertionError("MetricTarget allows exactly one")
