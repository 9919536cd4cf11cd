"""The whole program for the local stack, run by the recorder: who owns what, and one golden graph."""

import json
import runpy
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings

from elastic_vllm.catalog import engine_options
from elastic_vllm.stack_file.config import PROJECT, read_stack_file
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import UNKNOWN, Secret, items, mapping
from elastic_vllm.vllm import routes
from elastic_vllm.vllm_deployment import encode
from tests.manifests import FP8_8B, Golden, inputs, kubernetes, names, normalised, strings
from tests.recorded import contains
from tests.strategies import raw_stacks

ROOT = Path(__file__).parents[2]
CANARY = "sk-canary-7f3a"
KEYED = {"name": "keyed", "checkpoint": FP8_8B, "pool": "a10g", "requireApiKey": True}
FIXED = {"name": "fixed", "checkpoint": FP8_8B, "pool": "a10g", "replicas": {"min": 2, "max": 2}}


def local(**sections: object) -> dict[str, object]:
    return {**read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml"), **sections}


def execute(
    sections: Mapping[str, object], *, preview: bool = False, keys: Mapping[str, str] | None = None
) -> Graph:
    config = {
        f"{PROJECT}:{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in sections.items()
    }
    if keys is not None:
        config[f"{PROJECT}:apiKeys"] = json.dumps(keys)
    return run(
        lambda: runpy.run_path(str(ROOT / "__main__.py")),
        preview=preview,
        config=config,
        secret_keys=[f"{PROJECT}:apiKeys"],
        stack="local",
    )


pytestmark = pytest.mark.usefixtures("kubeconfig")


def test_the_local_stack_is_the_graph_that_was_reviewed(kubeconfig: Path, golden: Golden) -> None:
    golden("local.json", normalised(execute(local()), kubeconfig))


def test_a_comment_in_the_gate_changes_one_line_of_a_reviewed_graph(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = normalised(execute(local()), kubeconfig).splitlines()
    source = Path(routes.__file__).with_name("gate.py").read_text()
    (tmp_path / "gate.py").write_text(f"{source}# Another comment.\n")
    monkeypatch.setattr(routes, "__file__", str(tmp_path / "routes.py"))
    after = normalised(execute(local()), kubeconfig).splitlines()
    (changed,) = [line for line, other in zip(after, before, strict=True) if line != other]
    assert changed.strip().startswith('"elastic_vllm_gate.py": "sha256:')


def test_two_runs_are_alike(kubeconfig: Path) -> None:
    first, second = execute(local()), execute(local())
    assert normalised(first, kubeconfig) == normalised(second, kubeconfig)
    assert len(kubernetes(first)) > 8


def test_a_preview_registers_the_same_resources_as_an_update() -> None:
    sections = local(models=[KEYED, FIXED])
    keys = {"keyed": CANARY}
    assert names(execute(sections, preview=True, keys=keys)) == names(execute(sections, keys=keys))


def test_a_preview_knows_every_field_of_every_object() -> None:
    unknown = [item.name for item in execute(local(), preview=True) if contains(item.inputs, type(UNKNOWN))]
    assert unknown == []


def test_every_kubernetes_object_has_the_one_explicit_provider_and_a_component_above_it() -> None:
    graph = execute(local(models=[KEYED, FIXED]), keys={"keyed": CANARY})
    (provider,) = graph.of_type("pulumi:providers:kubernetes")
    components = {item.urn for item in graph if not item.custom}
    assert {item.provider_urn for item in kubernetes(graph)} == {provider.urn}
    assert {item.parent for item in kubernetes(graph)} <= components


def test_every_object_has_a_name_from_the_stack_file_and_no_two_are_one() -> None:
    graph = execute(local(models=[KEYED, FIXED]), keys={"keyed": CANARY})
    found = [
        (inputs(graph, item.name)["kind"], inputs(graph, item.name)["metadata"]["name"])
        for item in kubernetes(graph)
    ]
    assert all(name for _, name in found)
    assert len(found) == len(set(found))


def test_an_autoscaled_model_has_a_policy_and_no_replicas_and_a_fixed_one_the_reverse() -> None:
    graph = execute(local(models=[{**KEYED, "requireApiKey": False}, FIXED]))
    policies = graph.of_type("kubernetes:autoscaling/v2:HorizontalPodAutoscaler")
    assert [item.name for item in policies] == ["keyed-hpa"]
    assert "replicas" not in inputs(graph, "keyed-deployment")["spec"]
    assert inputs(graph, "fixed-deployment")["spec"]["replicas"] == 2


def test_pools_wait_for_what_they_name() -> None:
    graph = execute(local())
    node_class = graph.named("autoscaler-node-class").urn
    # The component waits, and its children wait for it.
    assert node_class in graph.named("a10g").dependencies
    order = [item.name for item in graph]
    assert order.index("autoscaler-node-class") < order.index("a10g") < order.index("a10g-nodes")


def test_a_model_outlives_none_of_the_nodes_it_runs_on() -> None:
    graph = execute(local())
    assert (
        graph.named("a10g-nodes").urn in graph.of_type("elastic-vllm:serving:VllmDeployment")[0].dependencies
    )


def test_pods_land_on_their_own_models_pool() -> None:
    pools = [
        {"name": "first", "accelerator": "a10g", "maxNodes": 2},
        {"name": "second", "accelerator": "a10g", "maxNodes": 2},
    ]
    graph = execute(
        local(pools=pools, models=[{**FIXED, "pool": "first"}, {**FIXED, "name": "other", "pool": "second"}])
    )
    for name, pool in (("fixed", "first"), ("other", "second")):
        pod = inputs(graph, f"{name}-deployment")["spec"]["template"]["spec"]
        assert pod["nodeSelector"] == {"elastic-vllm.dev/pool": pool}
        labels = inputs(graph, f"{pool}-nodes")["spec"]["template"]["metadata"]["labels"]
        assert pod["nodeSelector"].items() <= labels.items()


def test_a_key_is_a_secret_and_appears_in_the_data_of_its_own_secret_alone() -> None:
    graph = execute(local(models=[KEYED, FIXED]), keys={"keyed": CANARY, "fixed": "sk-unused"})
    assert isinstance(inputs(graph, "keyed-key")["data"], Secret)
    assert [item.name for item in graph.of_type("kubernetes:core/v1:Secret")] == ["keyed-key"]
    seen = [text for item in graph for text in strings(item.inputs)] + list(strings(graph.outputs))
    assert seen
    for form in (CANARY, encode(CANARY), "sk-unused", encode("sk-unused")):
        assert not [text for text in seen if form in text]


@settings(max_examples=8)
@given(raw=raw_stacks(least_models=1))
def test_any_valid_stack_builds_twice_alike_with_arguments_that_vllm_takes(
    kubeconfig: Path, raw: dict[str, object]
) -> None:
    cluster = mapping(raw["cluster"])
    sections = {**raw, "cluster": {"cloud": "local", "machines": cluster.get("machines", cluster["cloud"])}}
    keys = {str(mapping(item)["name"]): CANARY for item in items(raw["models"])}
    first, second = execute(sections, keys=keys), execute(sections, keys=keys)
    assert normalised(first, kubeconfig) == normalised(second, kubeconfig)
    assert names(first) == names(execute(sections, preview=True, keys=keys))
    deployments = first.of_type("kubernetes:apps/v1:Deployment")
    assert len(deployments) == len(keys)
    for item in deployments:
        (container,) = inputs(first, item.name)["spec"]["template"]["spec"]["containers"]
        list(engine_options.read(container["args"][1:]))
    assert CANARY not in "".join(text for item in first for text in strings(item.inputs))


def test_what_the_stack_exports() -> None:
    outputs = execute(local()).outputs
    assert outputs == {
        "cluster": {},
        "namespace": "inference",
        "pools": {"a10g": "a10g-nodes"},
        "endpoints": {"chat": "http://chat.inference.svc:8000/v1"},
    }


def test_the_program_reads_like_a_table_of_contents() -> None:
    text = (ROOT / "__main__.py").read_text()
    assert len(text.splitlines()) < 60
    assert "cloud ==" not in text
