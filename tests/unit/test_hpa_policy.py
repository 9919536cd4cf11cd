"""The HorizontalPodAutoscaler that a scaling spec becomes: each metric type, each target, both behaviours."""

import pulumi
import pytest

from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs, hpa_spec, metric_spec
from elastic_vllm.spec import ReplicasSpec, ScalingSpec
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests.manifests import inputs, kubernetes, model, names, plain

POLICY = [{"type": "Percent", "value": 50, "periodSeconds": 60}]


def scaling(**keys: object) -> ScalingSpec:
    return ScalingSpec.model_validate(keys)


def declare(*, preview: bool = False) -> Graph:
    def program() -> None:
        args = HpaPolicyArgs(namespace="inference", target=pulumi.Output.from_input("chat"), model=model())
        HpaPolicy("chat", args)

    return run(program, preview=preview)


def test_the_seed_preset_is_what_was_asked_for() -> None:
    assert inputs(declare(), "chat-hpa")["spec"] == {
        "minReplicas": 1,
        "maxReplicas": 10,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"},
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": 300,
                "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
            },
        },
    }


QUEUE = {"name": "vllm_num_requests_waiting", "matchLabels": {"model_name": "chat"}}
IDENTIFIED = {
    "name": "vllm_num_requests_waiting",
    "selector": {"match_labels": {"model_name": "chat"}},
}


@pytest.mark.parametrize(
    ("given", "built"),
    [
        (
            {"type": "Resource", "name": "memory", "target": {"averageValue": "10Gi"}},
            {
                "type": "Resource",
                "resource": {"name": "memory", "target": {"type": "AverageValue", "average_value": "10Gi"}},
            },
        ),
        (
            {"type": "ContainerResource", "name": "cpu", "target": {"utilization": 60}},
            {
                "type": "ContainerResource",
                "container_resource": {
                    "container": "vllm",
                    "name": "cpu",
                    "target": {"type": "Utilization", "average_utilization": 60},
                },
            },
        ),
        (
            {"type": "Pods", **QUEUE, "target": {"averageValue": "8"}},
            {
                "type": "Pods",
                "pods": {"metric": IDENTIFIED, "target": {"type": "AverageValue", "average_value": "8"}},
            },
        ),
        (
            {
                "type": "Object",
                "name": "requests-per-second",
                "describedApiVersion": "v1",
                "describedKind": "Service",
                "describedName": "chat",
                "target": {"value": "100"},
            },
            {
                "type": "Object",
                "object": {
                    "described_object": {"api_version": "v1", "kind": "Service", "name": "chat"},
                    "metric": {"name": "requests-per-second"},
                    "target": {"type": "Value", "value": "100"},
                },
            },
        ),
        (
            {"type": "External", **QUEUE, "target": {"averageValue": "4"}},
            {
                "type": "External",
                "external": {"metric": IDENTIFIED, "target": {"type": "AverageValue", "average_value": "4"}},
            },
        ),
    ],
    ids=["Resource", "ContainerResource", "Pods", "Object", "External"],
)
def test_each_type_of_metric_has_the_apis_form(given: dict[str, object], built: dict[str, object]) -> None:
    (metric,) = scaling(metrics=[given]).metrics
    assert plain(metric_spec(metric)) == built


def test_several_metrics_keep_the_order_of_the_stack_file() -> None:
    given = [{"type": "Pods", "name": name, "target": {"averageValue": "1"}} for name in ("b", "a", "c")]
    spec = plain(hpa_spec("chat", ReplicasSpec(min=1, max=2), scaling(metrics=given)))
    assert [item["pods"]["metric"]["name"] for item in spec["metrics"]] == ["b", "a", "c"]


def test_each_direction_behaves_as_its_own_spec_says() -> None:
    spec = scaling(
        scaleUp={"stabilizationWindowSeconds": 15, "policies": POLICY},
        scaleDown={"stabilizationWindowSeconds": 600, "selectPolicy": "Min", "policies": POLICY},
    )
    behavior = plain(hpa_spec("chat", ReplicasSpec(min=1, max=2), spec))["behavior"]
    step = {"type": "Percent", "value": 50, "period_seconds": 60}
    assert behavior["scale_up"] == {
        "stabilization_window_seconds": 15,
        "select_policy": "Max",
        "policies": [step],
    }
    assert behavior["scale_down"] == {
        "stabilization_window_seconds": 600,
        "select_policy": "Min",
        "policies": [step],
    }


def test_equal_bounds_leave_nothing_to_scale_and_are_refused() -> None:
    with pytest.raises(ValueError, match="replicas 2 to 2 leave nothing to scale"):
        hpa_spec("chat", ReplicasSpec(min=2, max=2), scaling())


def test_it_is_a_child_of_its_component_with_the_models_name() -> None:
    graph = declare()
    (hpa,) = kubernetes(graph)
    assert hpa.parent == graph.named("chat").urn
    assert graph.named("chat").type == "elastic-vllm:serving:HpaPolicy"
    assert inputs(graph, hpa.name)["metadata"]["name"] == "chat"
    assert inputs(graph, hpa.name)["metadata"]["namespace"] == "inference"


def test_a_preview_registers_the_same_names_as_an_update() -> None:
    assert names(declare(preview=True)) == names(declare())
