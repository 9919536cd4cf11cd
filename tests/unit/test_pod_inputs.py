"""Values that only fill a pod may come from another resource: image, resources, the commit that is served."""

from typing import Any

import pytest
from pulumi_kubernetes.core.v1 import ConfigMap

from elastic_vllm.spec import ModelSpec, ResourcesSpec
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.values import UNKNOWN
from elastic_vllm.vllm.weights import Mounted, Streamed, Weights
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from tests.manifests import L4, inputs, model, names

MIRRORED = "registry.example/vllm:v0.33.0"
COMMIT = "9cdc6310a8cb770ce18efaf4e9935334512aee45"
OTHER = "0123456789abcdef0123456789abcdef01234567"
VOLUME = Mounted(claim="weights")


def deploy(
    spec: ModelSpec,
    *,
    preview: bool = False,
    weights: Weights | None = None,
    **made: Any,
) -> Graph:
    """Each of ``made`` is made of the id of another resource, which a preview does not know."""

    def program() -> None:
        other = ConfigMap("mirror", metadata={"name": "mirror", "namespace": "inference"})
        given = {name: make(other.id) for name, make in made.items()}
        args = VllmDeploymentArgs(namespace="inference", model=spec, placement=L4, weights=weights, **given)
        VllmDeployment("chat", args)

    return run(program, preview=preview)


def pod(graph: Graph, name: str = "chat-deployment") -> Any:
    return inputs(graph, name)["spec"]["template"]["spec"]


def test_an_image_that_another_resource_makes_is_in_the_container_and_unknown_before() -> None:
    mirrored: dict[str, Any] = {"image": lambda known: known.apply(lambda _: MIRRORED)}
    update, preview = deploy(model(), **mirrored), deploy(model(), preview=True, **mirrored)
    assert names(preview) == names(update)
    assert pod(update)["containers"][0]["image"] == MIRRORED
    assert pod(preview)["containers"][0]["image"] is UNKNOWN
    rest = {key: value for key, value in pod(update)["containers"][0].items() if key != "image"}
    assert rest == {key: value for key, value in pod(preview)["containers"][0].items() if key != "image"}


def test_placeholders_pull_the_image_that_the_replicas_run() -> None:
    spec = model(headroom=1, replicas={"min": 1, "max": 2})
    graph = deploy(spec, image=lambda known: known.apply(lambda _: MIRRORED))
    assert pod(graph, "chat-headroom-deployment")["initContainers"][0]["image"] == MIRRORED


def test_resources_that_are_learnt_are_those_of_the_pod_and_of_its_placeholders() -> None:
    asked = ResourcesSpec(cpu=2.5, memory_gib=20, shm_gib=4)
    spec = model(headroom=1, replicas={"min": 1, "max": 2}, engine={"kvOffloadingGib": 8})
    graph = deploy(spec, resources=lambda known: known.apply(lambda _: asked))
    resources = pod(graph)["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "2500m", "memory": "20Gi", "nvidia.com/gpu": "1"}
    assert resources["limits"] == {"memory": "20Gi", "nvidia.com/gpu": "1"}
    assert {"medium": "Memory", "sizeLimit": "12Gi"} in [v.get("emptyDir") for v in pod(graph)["volumes"]]
    assert pod(graph, "chat-headroom-deployment")["containers"][0]["resources"] == resources


def test_the_commit_of_a_mounted_cache_is_the_learnt_one_or_else_the_models() -> None:
    declared = deploy(model(revision=COMMIT), weights=VOLUME)
    learnt = deploy(
        model(revision=COMMIT), weights=VOLUME, revision=lambda known: known.apply(lambda _: OTHER)
    )
    assert pod(declared)["containers"][0]["args"][-2:] == ["--revision", COMMIT]
    assert pod(learnt)["containers"][0]["args"][-2:] == ["--revision", OTHER]
    assert "--revision" not in pod(deploy(model(), weights=VOLUME))["containers"][0]["args"]


def test_a_commit_of_what_is_no_hub_cache_is_refused() -> None:
    streamed = Streamed(address="s3://bucket/path", environment={}, credentials=(), ready=())
    for weights in (streamed, None):
        with pytest.raises(ValueError, match=r"^revision: picks a commit of a mounted hub cache"):
            deploy(model(), weights=weights, revision=lambda _: COMMIT)
    assert "--revision" not in pod(deploy(model(revision=COMMIT), weights=streamed))["containers"][0]["args"]


@pytest.mark.parametrize("learnt", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("image", "registry.example/vllm:latest", "not pinned"),
        ("revision", "main", "String should match pattern"),
        ("resources", ResourcesSpec(cpu=2, memory_gib=8, shm_gib=4), "must exceed engine.kvOffloadingGib 6"),
    ],
)
def test_a_value_that_the_spec_would_refuse_is_refused_here_too(
    learnt: bool, name: str, value: object, problem: str
) -> None:
    spec = model(engine={"kvOffloadingGib": 6})
    made: dict[str, Any] = {name: lambda known: known.apply(lambda _: value) if learnt else value}
    with pytest.raises(ValueError, match=problem):
        deploy(spec, weights=VOLUME, **made)
