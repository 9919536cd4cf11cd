"""An ``autoscaling/v2`` policy as it stands in a stack file.

Presets are complete policies by name; keys beside ``preset`` replace the preset's.
Semantics: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from elastic_vllm.section import Quantity, Section, config_error

DEFAULT_PRESET: Literal["seed"] = "seed"


class MetricTarget(Section):
    """Exactly one of the three; ``utilization`` is per cent of the request and only for resources."""

    utilization: int | None = Field(default=None, ge=1, le=1000)
    """Per cent of what the pod requests."""
    average_value: Quantity | None = None
    """A quantity per pod: ``"8"``, ``"500m"``."""
    value: Quantity | None = None
    """A quantity for the whole, not divided by pods (Object and External)."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.given
        if len(given) != 1:
            raise ValueError(
                "give exactly one of utilization, averageValue, value; "
                f"found {' and '.join(given) if given else 'none'}"
            )
        return self

    @property
    def given(self) -> tuple[str, ...]:
        """The targets that are set, by their keys."""
        targets = {
            "utilization": self.utilization,
            "averageValue": self.average_value,
            "value": self.value,
        }
        return tuple(key for key, target in targets.items() if target is not None)


class _Targeted(Section):
    """A metric with a target; which targets make sense depends on the kind of metric."""

    allowed: ClassVar[tuple[str, ...]] = ("averageValue", "value")

    target: MetricTarget
    """The figure the autoscaler steers to."""

    @model_validator(mode="after")
    def _target_suits_the_metric(self) -> Self:
        for key in self.target.given:
            if key not in self.allowed:
                takes = " or ".join(self.allowed)
                raise config_error(f"target.{key}", f"this kind of metric cannot have it; it takes {takes}")
        return self


class ResourceMetric(_Targeted):
    """CPU or memory of the whole pod, from the metrics API."""

    allowed: ClassVar[tuple[str, ...]] = ("utilization", "averageValue")

    type: Literal["Resource"]
    """The kind of metric."""
    name: Literal["cpu", "memory"]
    """The resource."""


class ContainerResourceMetric(_Targeted):
    """CPU or memory of one container of the pod."""

    allowed: ClassVar[tuple[str, ...]] = ("utilization", "averageValue")

    type: Literal["ContainerResource"]
    """The kind of metric."""
    name: Literal["cpu", "memory"]
    """The resource."""
    container: str = Field(default="vllm", min_length=1)
    """The container measured."""


class PodsMetric(_Targeted):
    """A custom metric averaged over the pods."""

    allowed: ClassVar[tuple[str, ...]] = ("averageValue",)

    type: Literal["Pods"]
    """The kind of metric."""
    name: str = Field(min_length=1)
    """The metric, as the custom metrics API names it."""
    match_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that narrow the metric."""


class ObjectMetric(_Targeted):
    """A metric that describes one Kubernetes object."""

    type: Literal["Object"]
    """The kind of metric."""
    name: str = Field(min_length=1)
    """The metric, as the custom metrics API names it."""
    match_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that narrow the metric."""
    described_api_version: str = Field(min_length=1)
    """``apiVersion`` of the object described."""
    described_kind: str = Field(min_length=1)
    """``kind`` of the object described."""
    described_name: str = Field(min_length=1)
    """Name of the object described, in the models' namespace."""


class ExternalMetric(_Targeted):
    """A metric from outside the cluster."""

    type: Literal["External"]
    """The kind of metric."""
    name: str = Field(min_length=1)
    """The metric, as the external metrics API names it."""
    match_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that narrow the metric."""


Metric = Annotated[
    ResourceMetric | ContainerResourceMetric | PodsMetric | ObjectMetric | ExternalMetric,
    Field(discriminator="type"),
]


class PolicyStep(Section):
    """At most ``value`` pods, or per cent of the pods, in each period."""

    type: Literal["Pods", "Percent"]
    """What ``value`` counts."""
    value: int = Field(ge=1, le=100_000)
    """Pods, or per cent of the current pods."""
    period_seconds: int = Field(ge=1, le=1800)
    """The period within which the step may be taken once."""


def _left_to_the_preset(schema: JsonDict) -> None:
    """A preset fills in what a file leaves out, so an editor must not ask for it."""
    schema.pop("required", None)


class Behavior(Section):
    """How fast one direction may go."""

    model_config = ConfigDict(json_schema_extra=_left_to_the_preset)

    stabilization_window_seconds: int = Field(ge=0, le=3600)
    """How long the most cautious recommendation of the recent past counts."""
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    """Which of several policies counts; ``Disabled`` never moves in this direction."""
    policies: tuple[PolicyStep, ...] = Field(min_length=1)
    """The steps allowed."""


PRESETS: Mapping[str, Mapping[str, object]] = {
    "seed": {
        "metrics": ({"type": "Resource", "name": "cpu", "target": {"utilization": 70}},),
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": ({"type": "Pods", "value": 2, "periodSeconds": 30},),
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "policies": ({"type": "Pods", "value": 1, "periodSeconds": 60},),
        },
    },
}
"""``seed``: CPU 70 %, at most two pods per 30 s up, one per 60 s down after five calm minutes."""


def _overlay(base: object, over: object) -> object:
    """``over`` laid on ``base``, sections in each other; a field's own name replaces its key of the file."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    merged = dict(base)
    for key, value in over.items():
        under = merged.pop(to_camel(key) if isinstance(key, str) else key, None)
        merged[key] = _overlay(under, value)
    return merged


def _required_without_a_preset(schema: JsonDict) -> None:
    complete: JsonDict = {"required": ["stabilizationWindowSeconds", "policies"]}
    schema["if"] = {"properties": {"preset": {"type": "null"}}, "required": ["preset"]}
    schema["then"] = {
        "required": schema.pop("required"),
        "properties": {"scaleUp": complete, "scaleDown": complete},
    }


class ScalingSpec(Section):
    """What moves the replica count, to which target, and how fast in each direction."""

    model_config = ConfigDict(json_schema_extra=_required_without_a_preset)

    preset: Literal["seed"] | None = DEFAULT_PRESET
    """A complete policy by name; other keys replace the preset's. ``null`` starts from nothing."""
    metrics: tuple[Metric, ...] = Field(min_length=1)
    """What is measured; with several, the one that wants the largest number wins."""
    scale_up: Behavior
    """How fast replicas are added."""
    scale_down: Behavior
    """How fast replicas are given back."""

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_preset(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        preset = given.get("preset", DEFAULT_PRESET)
        # Unhashable or unknown: left for the field's own validation to report.
        return _overlay(PRESETS.get(preset, {}) if isinstance(preset, str) else {}, given)
