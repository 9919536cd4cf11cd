"""Warm headroom: what the placeholders ask for, to whom they yield, and what a stack may not ask of them."""

import pulumi
import pytest

from elastic_vllm import rules as checks
from elastic_vllm.spec import ModelSpec
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.vllm import container, headroom
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from elastic_vllm.warm_headroom import WarmHeadroom, WarmHeadroomArgs
from tests.manifests import FP8_8B, L4, inputs, model, names, plain

POOL = {"name": "l4", "accelerator": "l4", "maxNodes": 4}


def deploy(spec: ModelSpec, *, preview: bool = False) -> Graph:
    def program() -> None:
        VllmDeployment("chat", VllmDeploymentArgs(namespace="inference", model=spec, placement=L4))

    return run(program, preview=preview)


def stack(*models: dict[str, object], pool: dict[str, object] | None = None) -> StackConfig:
    given = [{"checkpoint": FP8_8B, "pool": "l4", "replicas": {"min": 1, "max": 2}} | each for each in models]
    return StackConfig.model_validate(
        {"cluster": {"cloud": "local"}, "pools": [POOL | (pool or {})], "models": given}
    )


def found(config: StackConfig) -> list[tuple[str, str, str]]:
    return [(each.id, each.severity, each.key) for each in checks.errors(config)]


def test_without_headroom_there_is_no_placeholder() -> None:
    assert not [name for name in names(deploy(model())) if "headroom" in name]


def test_a_preview_registers_the_same_placeholders_as_an_update() -> None:
    spec = model(headroom=2)
    assert names(deploy(spec, preview=True)) == names(deploy(spec))


def test_a_placeholder_fills_exactly_the_place_of_a_replica() -> None:
    spec = model(headroom=3, gpusPerReplica=4, resources={"cpu": 12, "memoryGib": 40})
    pod = plain(headroom.pod(spec, L4, "class"))
    replica = plain(container.resources(spec, L4.gpu_resource))
    for each in (*pod["containers"], *pod["init_containers"]):
        assert each["resources"] == replica
    assert pod["node_selector"] == L4.node_selector
    assert pod["tolerations"] == [dict(each) for each in L4.tolerations]
    assert plain(headroom.deployment_spec(spec, L4, "class"))["replicas"] == 3


def test_every_pod_without_a_priority_displaces_a_placeholder_and_it_displaces_nobody() -> None:
    graph = deploy(model(headroom=1))
    (priority,) = graph.of_type("kubernetes:scheduling.k8s.io/v1:PriorityClass")
    assert -10 <= priority.inputs["value"] < 0  # type: ignore[operator]  # a number on the wire
    assert priority.inputs["preemptionPolicy"] == "Never"
    assert priority.inputs["globalDefault"] is False
    pod = inputs(graph, "chat-headroom-deployment")["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == inputs(graph, "chat-headroom-priority")["metadata"]["name"]
    assert pod["terminationGracePeriodSeconds"] == 0
    assert "priorityClassName" not in inputs(graph, "chat-deployment")["spec"]["template"]["spec"]


def test_nothing_that_selects_replicas_takes_a_placeholder_for_one() -> None:
    graph = deploy(model(headroom=1))
    carried = inputs(graph, "chat-headroom-deployment")["spec"]["template"]["metadata"]["labels"]
    for name in ("chat-service", "chat-disruption", "chat-network", "chat-deployment"):
        spec = inputs(graph, name)["spec"]
        selector = spec.get("selector", spec.get("podSelector"))
        assert not selector.get("matchLabels", selector).items() <= carried.items()


def test_a_placeholder_is_pinned_by_digest_and_brings_the_models_image_to_its_node() -> None:
    pod = plain(headroom.pod(model(headroom=1, engine={"image": "example.com/vllm:v9"}), L4, "class"))
    assert "@sha256:" in pod["containers"][0]["image"]
    assert pod["init_containers"][0]["image"] == "example.com/vllm:v9"


def test_two_namespaces_never_share_a_priority_class() -> None:
    def program() -> None:
        for namespace in ("one", "two"):
            args = WarmHeadroomArgs(namespace=namespace, model=model(headroom=1), placement=L4)
            WarmHeadroom(namespace, args, pulumi.ResourceOptions())

    graph = run(program)
    assert {inputs(graph, f"{each}-priority")["metadata"]["name"] for each in ("one", "two")} == {
        "one.chat-headroom",
        "two.chat-headroom",
    }


def test_the_component_outputs_name_the_placeholders_and_their_priority() -> None:
    graph = deploy(model(headroom=1))
    assert graph.component_outputs[graph.named("chat-headroom").urn] == {
        "deploymentName": "chat-headroom",
        "priorityClass": "inference.chat-headroom",
    }


def test_an_update_does_not_wait_for_placeholders_that_a_full_pool_has_no_room_for() -> None:
    metadata = inputs(deploy(model(headroom=1)), "chat-headroom-deployment")["metadata"]
    assert metadata["annotations"] == {"pulumi.com/skipAwait": "true"}


@pytest.mark.parametrize(("room", "expected"), [(3, []), (4, ["headroom-exceeds-pool"])])
def test_headroom_that_never_fits_beside_the_least_replicas_is_an_error(
    room: int, expected: list[str]
) -> None:
    findings = found(stack({"name": "chat", "headroom": room}))
    assert findings == [(each, "error", "pools[0].maxNodes") for each in expected]


def test_headroom_fills_nodes_that_the_least_replicas_left_half_empty() -> None:
    eight = {"accelerator": "h100", "gpusPerNode": 8, "maxNodes": 1}
    assert not found(stack({"name": "chat", "headroom": 7}, pool=eight))
    assert found(stack({"name": "chat", "headroom": 8}, pool=eight))


def test_a_model_called_as_anothers_placeholders_is_refused() -> None:
    clash: tuple[dict[str, object], ...] = ({"name": "chat", "headroom": 1}, {"name": "chat-headroom"})
    assert ("duplicate-name", "error", "models[1].name") in found(stack(*clash))
    assert not found(stack({"name": "chat"}, {"name": "chat-headroom"}))
