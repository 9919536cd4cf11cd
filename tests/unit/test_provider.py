"""The component provider, as the engine sees it: its schema, what it registers, and how it refuses."""

import importlib
import tomllib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import yaml

from docs.generate import provider_schema
from elastic_vllm.placement import Placement
from elastic_vllm.provider import components, inputs
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import UNKNOWN, Secret
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from tests.manifests import FP8_8B, L4, model
from tests.provider import SOURCE, Plugin, output, started
from tests.recorded import contains

CHAT = {"name": "chat", "checkpoint": FP8_8B, "pool": "l4"}
NODES = {
    "accelerator": "l4",
    "nodeSelector": {"pool": "l4"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
}
DEPLOYMENT = {"namespace": "inference", "model": CHAT, "placement": NODES}
VLLM = "elastic-vllm:serving:VllmDeployment"
HPA = "elastic-vllm:serving:HpaPolicy"
COMMIT = "9cdc6310a8cb770ce18efaf4e9935334512aee45"


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    with started() as running:
        yield running


def registered(graph: Graph) -> dict[str, Any]:
    """All that a component registers, but for the project that the URNs name."""
    return {item.urn.partition("::")[2].partition("::")[2]: dict(item.inputs) for item in graph}


def container(graph: Graph) -> Any:
    spec: Any = graph.named("chat-deployment").inputs["spec"]
    return spec["template"]["spec"]["containers"][0]


def test_the_schema_that_is_shipped_is_what_the_models_say(plugin: Plugin) -> None:
    committed = provider_schema.PATH.read_text(encoding="utf-8")
    assert committed == provider_schema.text(), "run `make schema`"
    assert plugin.schema() == committed


def test_a_model_from_another_language_is_the_very_model_that_a_python_program_gets(plugin: Plugin) -> None:
    def program() -> None:
        VllmDeployment("chat", VllmDeploymentArgs(namespace="inference", model=model(), placement=L4))

    made = plugin.construct(VLLM, DEPLOYMENT)
    assert registered(made.graph) == registered(run(program))
    assert made.urn == f"urn:pulumi:test::yaml::{VLLM}::chat"
    assert made.outputs == {
        "deploymentName": "chat",
        "endpoint": "http://chat.inference.svc:8000/v1",
        "serviceName": "chat",
    }


def test_a_preview_registers_the_same_with_an_image_that_is_not_known_yet(plugin: Plugin) -> None:
    mirrored = "registry.example/vllm:v0.33.0"
    update = plugin.construct(VLLM, {**DEPLOYMENT, "image": output(mirrored)})
    preview = plugin.construct(VLLM, {**DEPLOYMENT, "image": output()}, preview=True)
    assert registered(preview.graph).keys() == registered(update.graph).keys()
    assert container(update.graph)["image"] == mirrored
    assert container(preview.graph)["image"] is UNKNOWN


def test_values_that_only_fill_a_pod_arrive_in_it(plugin: Plugin) -> None:
    given = {
        "image": "registry.example/vllm:v0.33.0",
        "resources": {"cpu": output(2.5), "memoryGib": 20.0, "shmGib": 4},
        "weightsClaim": output("volume"),
        "revision": COMMIT,
    }
    made = container(plugin.construct(VLLM, {**DEPLOYMENT, **given}).graph)
    assert made["image"] == given["image"]
    assert made["args"][-2:] == ["--revision", COMMIT]
    assert made["resources"]["requests"] == {"cpu": "2500m", "memory": "20Gi", "nvidia.com/gpu": "1"}


def test_a_key_that_is_secret_stays_secret(plugin: Plugin) -> None:
    made = plugin.construct(VLLM, {**DEPLOYMENT, "apiKey": output("sk-canary", secret=True)})
    assert contains(made.graph.named("chat-key").inputs["data"], Secret)
    assert "sk-canary" not in repr(made.graph.registrations)


def test_the_other_components_register_what_python_programs_get(plugin: Plugin) -> None:
    space = plugin.construct("elastic-vllm:serving:ServingNamespace", {"namespace": "inference"})
    assert space.outputs == {"namespace": "inference"}
    scaled = plugin.construct(
        HPA, {"namespace": "inference", "target": output(), "model": CHAT}, preview=True
    )
    spec: Any = scaled.graph.named("chat-hpa").inputs["spec"]
    assert spec["scaleTargetRef"]["name"] is UNKNOWN
    given = {"namespace": "inference", "model": {**CHAT, "headroom": 2}, "placement": NODES}
    kept = plugin.construct("elastic-vllm:serving:WarmHeadroom", given)
    assert [item.name for item in kept.graph] == ["chat", "chat-priority", "chat-deployment"]


@pytest.mark.parametrize(
    ("token", "given", "problem"),
    [
        (
            VLLM,
            {"model": {**CHAT, "engine": {"maxNumSeq": 8}}},
            "model.engine.maxNumSeq: unknown key; did you mean maxNumSeqs? ",
        ),
        (
            VLLM,
            {"model": {**CHAT, "replicas": {"min": "1"}}},
            "model.replicas.min: '1' is not a whole number",
        ),
        (VLLM, {"model": {**CHAT, "replicas": {"min": 4, "max": 2}}}, "model.replicas.min: 4 is above max 2"),
        (
            VLLM,
            {"model": {"name": "chat", "pool": "l4"}},
            "model.checkpoint: is required. Which weights to serve.",
        ),
        (
            VLLM,
            {"model": {**CHAT, "headroom": output(1)}},
            "model.headroom: decides which resources there are",
        ),
        (VLLM, {"model": output()}, "model: decides which resources there are; give a plain value"),
        (VLLM, {"placement": {"accelerator": "l4x"}}, "placement.accelerator: unknown accelerator 'l4x'"),
        (VLLM, {"image": 7}, "image: 7 is not text"),
        (VLLM, {"image": "vllm/vllm-openai:latest"}, "image: 'vllm/vllm-openai:latest' is not pinned"),
        (VLLM, {"resources": {"cpu": 1, "memoryGib": 2, "shmGib": 4}}, "resources.shmGib: 4 leaves nothing"),
        (
            VLLM,
            {"image": output("vllm/vllm-openai:latest")},
            "image: 'vllm/vllm-openai:latest' is not pinned",
        ),
        (VLLM, {"revision": output("main"), "weightsClaim": "volume"}, "revision: 'main' has the wrong form"),
        (
            VLLM,
            {"model": {**CHAT, "engine": {"kvOffloadingGib": 9}}, "resources": {"memoryGib": output(8)}},
            "resources: 8 must exceed engine.kvOffloadingGib 9",
        ),
        (VLLM, {"revision": COMMIT}, "revision: picks a commit of a mounted hub cache"),
        (
            HPA,
            {"target": "chat", "model": {**CHAT, "replicas": {"min": 2, "max": 2}}},
            "replicas 2 to 2 leave nothing to scale",
        ),
        ("elastic-vllm:serving:GpuNodePool", {}, "unknown resource type 'elastic-vllm:serving:GpuNodePool'"),
    ],
)
def test_a_wrong_input_is_one_line_at_its_key_and_no_traceback(
    plugin: Plugin, token: str, given: dict[str, object], problem: str
) -> None:
    base = DEPLOYMENT if token == VLLM else {"namespace": "inference"}
    with pytest.raises(grpc.RpcError) as refused:
        plugin.construct(token, {**base, **given}, preview=True)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (line,) = refused.value.details().splitlines()
    assert line.startswith(problem)


def test_every_component_has_the_type_that_its_class_registers() -> None:
    def program() -> None:
        for component in components.COMPONENTS:
            given = {"namespace": "inference", "target": "chat", "model": CHAT, "placement": NODES}
            known = {name: given[name] for name in component.inputs.model_fields if name in given}
            component.build(component.token, component.inputs.model_validate(known), None)

    found = {item.type for item in run(program) if item.name.startswith("elastic-vllm:") and not item.custom}
    assert found >= {component.token for component in components.COMPONENTS}


def test_a_placement_has_the_fields_that_python_programs_give() -> None:
    given = {name: each.default for name, each in inputs.PlacementInputs.model_fields.items()}
    fields = Placement.__dataclass_fields__
    assert given.keys() == fields.keys()
    for name in ("gpu_resource", "most_gpus", "network_mbps", "has_volumes"):
        assert given[name] == fields[name].default


def test_the_executable_of_the_package_is_the_provider() -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["pulumi-resource-elastic-vllm"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_pulumi_installs_for_the_provider_what_the_package_requires() -> None:
    plugin = yaml.safe_load((SOURCE / "PulumiPlugin.yaml").read_text())
    assert plugin["runtime"]["name"] == "python"
    lines = (SOURCE / "requirements.txt").read_text().splitlines()
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]
    assert [line for line in lines if not line.startswith("#")] == project["dependencies"]
