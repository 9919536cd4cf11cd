"""What vLLM compiled, kept: one volume for all replicas of a model, where somebody makes volumes."""

from dataclasses import replace
from typing import Any

from elastic_vllm.clouds.local.placement import placement
from elastic_vllm.placement import Placement
from elastic_vllm.spec import CompileCacheSpec, LocalCluster, ModelSpec
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.vllm.pod import claim_name
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from tests.manifests import L4, inputs, model, names, pool

KEPT = {"compileCache": {"storageClass": "efs"}}
NAME = claim_name(model(), CompileCacheSpec(storage_class="efs"))


def deploy(spec: ModelSpec, where: Placement = L4) -> Graph:
    def program() -> None:
        VllmDeployment("chat", VllmDeploymentArgs(namespace="inference", model=spec, placement=where))

    return run(program)


def cache_of(graph: Graph) -> tuple[Any, Any]:
    """The volume, and where the container sees it."""
    pod = inputs(graph, "chat-deployment")["spec"]["template"]["spec"]
    (volume,) = [item for item in pod["volumes"] if item["name"] == "cache"]
    (mount,) = [item for item in pod["containers"][0]["volumeMounts"] if item["name"] == "cache"]
    return volume, mount["mountPath"]


def test_without_the_key_each_replica_compiles_into_scratch_of_its_own() -> None:
    graph = deploy(model())
    assert cache_of(graph) == ({"name": "cache", "emptyDir": {"sizeLimit": "10Gi"}}, "/home/vllm/.cache")
    assert NAME not in names(graph)


def test_the_volume_is_the_models_own_and_written_from_many_nodes() -> None:
    graph = deploy(model(engine=KEPT))
    claim = inputs(graph, NAME)
    assert claim["metadata"]["name"] == NAME
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "20Gi"}},
        "storageClassName": "efs",
    }
    volume, path = cache_of(graph)
    assert volume == {"name": "cache", "persistentVolumeClaim": {"claimName": NAME}}
    assert path == "/home/vllm/.cache"


def test_the_claim_is_there_before_the_pods_and_nobody_waits_for_a_volume_that_waits_for_them() -> None:
    graph = deploy(model(engine=KEPT))
    claim = graph.named(NAME)
    assert claim.urn in graph.named("chat-deployment").dependencies
    annotations = inputs(graph, NAME)["metadata"]["annotations"]
    assert annotations == {"pulumi.com/skipAwait": "true"}


def test_simulated_nodes_have_no_volumes_so_none_is_claimed_there() -> None:
    local = placement(LocalCluster(cloud="local"), pool())
    graph = deploy(model(engine=KEPT), local)
    assert NAME not in names(graph)
    assert cache_of(graph)[0] == cache_of(deploy(model(), replace(local, has_volumes=True)))[0]


def test_what_a_claim_cannot_change_is_in_its_name_so_that_pods_roll_to_another() -> None:
    kept = CompileCacheSpec(storage_class="efs")
    others = {claim_name(model(), kept.model_copy(update=change)) for change in ({"size_gib": 40}, {})}
    assert others > {NAME}
    graph = deploy(model(engine={"compileCache": {"storageClass": "efs", "sizeGib": 40}}))
    assert NAME not in names(graph)
    (other,) = others - {NAME}
    assert cache_of(graph)[0]["persistentVolumeClaim"] == {"claimName": other}
