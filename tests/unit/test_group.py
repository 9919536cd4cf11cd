"""Replicas of several nodes: what a stack may ask for, and what becomes of it."""

import pytest
from pydantic import ValidationError

from elastic_vllm import rules as checks
from elastic_vllm.catalog import engine_options
from elastic_vllm.clouds import cloud_for
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs
from elastic_vllm.spec import LocalCluster, ModelSpec
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from elastic_vllm.vllm.container import pre_stop_command
from elastic_vllm.vllm.deployment import surge
from elastic_vllm.vllm.group import to_api_case
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
from fleet.embedded.groups import on_loopback
from tests import gcp
from tests.manifests import GROUP, L4, LARGEST, inputs, model, names


def deploy(spec: ModelSpec, *, preview: bool = False) -> Graph:
    def program() -> None:
        args = VllmDeploymentArgs(namespace="inference", model=spec, placement=L4)
        deployed = VllmDeployment(spec.name, args)
        HpaPolicy(
            spec.name, HpaPolicyArgs(namespace="inference", target=deployed.deployment_name, model=spec)
        )

    return run(program, preview=preview)


def groups(graph: Graph) -> tuple[dict[str, object], dict[str, object]]:
    """The leader's template and the others'."""
    template = inputs(graph, "expert-groups")["spec"]["leaderWorkerTemplate"]
    return template["leaderTemplate"], template["workerTemplate"]


def arguments(template: dict[str, object]) -> list[str]:
    (container,) = template["spec"]["containers"]  # type: ignore[index]  # a manifest
    return [str(word) for word in container["args"]]


def stack(*models: dict[str, object], nodes: int = 4) -> list[tuple[str, str]]:
    pool = {"name": "h100", "accelerator": "h100", "gpusPerNode": 8, "maxNodes": nodes}
    config = StackConfig.model_validate(
        {
            "cluster": {"cloud": "local"},
            "pools": [pool],
            "models": [{"pool": "h100", "replicas": {"min": 1, "max": 2}} | each for each in models],
        }
    )
    return [(each.id, each.key) for each in checks.errors(config)]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"gpusPerReplica": 16, "nodesPerReplica": 1}, "gpusPerReplica"),
        ({"gpusPerReplica": 2, "nodesPerReplica": 4}, "nodesPerReplica"),
        ({"engine": {"tensorParallel": 4}}, "engine.tensorParallel"),
        ({"headroom": 1}, "headroom"),
        ({"engine": {"extraArgs": ["--node-rank", "1"]}}, "extraArgs[0]"),
    ],
)
def test_a_group_that_cannot_be_is_refused_at_the_key_to_change(keys: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model(**(GROUP | keys))
    assert caught.value.errors()[0]["ctx"]["key"] == key


def test_the_ranks_of_a_group_agree_on_all_but_their_rank() -> None:
    leader, worker = map(arguments, groups(deploy(model(**GROUP))))
    assert worker == [*leader, "--headless"]
    for option, value in (
        ("--nnodes", "2"),
        ("--pipeline-parallel-size", "2"),
        ("--tensor-parallel-size", "8"),
        ("--distributed-executor-backend", "mp"),
        ("--master-addr", "$(LWS_LEADER_ADDRESS)"),
        ("--node-rank", "$(LWS_WORKER_INDEX)"),
    ):
        assert leader[leader.index(option) + 1] == value


def test_vllm_takes_what_the_ranks_are_told_once_the_kubelet_has_put_in_who_they_are() -> None:
    for template in groups(deploy(model(**GROUP))):
        words = [word.replace("$(LWS_WORKER_INDEX)", "1") for word in arguments(template)]
        list(engine_options.read(words[1:]))


def test_only_the_leader_is_probed_and_reached() -> None:
    graph = deploy(model(**GROUP))
    leader, worker = (template["spec"]["containers"][0] for template in groups(graph))  # type: ignore[index]
    for field in ("livenessProbe", "ports", "readinessProbe", "startupProbe"):
        assert field in leader
        assert field not in worker
    selector = inputs(graph, "expert-service")["spec"]["selector"]
    assert selector["leaderworkerset.sigs.k8s.io/worker-index"] == "0"


LEADERS = {"exec": {"command": pre_stop_command(15)}}
OTHERS = {"sleep": {"seconds": 15 + 120}}


def test_every_rank_has_its_nodes_share_of_the_gpus_and_computes_until_its_leaders_drain_is_over() -> None:
    for template, stop in zip(groups(deploy(model(**GROUP))), (LEADERS, OTHERS), strict=True):
        pod = template["spec"]
        (container,) = pod["containers"]  # type: ignore[index]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"
        assert container["lifecycle"]["preStop"] == stop
        assert pod["terminationGracePeriodSeconds"] == 165  # type: ignore[index]
        annotations = template["metadata"]["annotations"]  # type: ignore[index]
        assert annotations["karpenter.sh/do-not-disrupt"].endswith("s")


def test_a_group_keeps_to_one_zone_and_two_groups_need_not() -> None:
    for template in groups(deploy(model(**GROUP))):
        affinity = template["spec"]["affinity"]["podAffinity"]  # type: ignore[index]
        (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "topology.kubernetes.io/zone"
        assert term["matchLabelKeys"] == ["leaderworkerset.sigs.k8s.io/group-key"]
        assert (
            term["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()  # type: ignore[index]
        )


def test_ranks_may_talk_to_each_other_and_no_single_replica_gets_that_policy() -> None:
    graph = deploy(model(**GROUP))
    policy = inputs(graph, "expert-ranks")["spec"]
    assert policy["ingress"][0]["from"][0]["podSelector"] == policy["podSelector"]
    assert policy["egress"][0]["to"][0]["podSelector"] == policy["podSelector"]
    assert not [name for name in names(deploy(model())) if name.endswith("chat-ranks")]


def test_the_autoscaler_scales_groups_and_nothing_else_declares_their_number() -> None:
    graph = deploy(model(**GROUP))
    target = inputs(graph, "expert-hpa")["spec"]["scaleTargetRef"]
    found = inputs(graph, "expert-groups")
    assert target == {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "name": found["metadata"]["name"],
    }
    assert "replicas" not in found["spec"]
    assert not graph.of_type("kubernetes:apps/v1:Deployment")


def test_a_preview_registers_the_same_groups_as_an_update() -> None:
    spec = model(**GROUP)
    assert names(deploy(spec, preview=True)) == names(deploy(spec))


@pytest.mark.parametrize(
    ("least", "most_gpus", "expected"), [(1, 32, 1), (1, 31, 0), (2, 32, 0), (2, None, 1)]
)
def test_a_rollout_brings_first_where_the_pool_can_ever_have_room_and_takes_first_elsewhere(
    least: int, most_gpus: int | None, expected: int
) -> None:
    spec = model(**GROUP, replicas={"min": least, "max": 4})
    assert surge(spec, most_gpus) == expected


def test_a_pool_with_room_for_every_group_is_right_and_one_that_ends_within_a_group_is_not() -> None:
    assert not stack(GROUP, nodes=4)
    assert stack(GROUP, nodes=3) == [("group-exceeds-pool", "models[0].replicas.max")]
    assert ("min-exceeds-pool", "models[0].replicas.min") in stack(GROUP, nodes=1)


def test_a_group_has_its_pool_to_itself() -> None:
    other: dict[str, object] = {"name": "chat", "checkpoint": LARGEST, "gpusPerReplica": 8}
    assert stack(GROUP, other, nodes=9) == [("group-shares-pool", "models[0].pool")]


def test_weights_and_cache_are_spread_over_all_nodes_of_a_group() -> None:
    of_four = GROUP | {"gpusPerReplica": 4, "nodesPerReplica": 1, "replicas": {"min": 1, "max": 1}}
    assert stack(of_four) == [("weights-do-not-fit", "models[0].checkpoint")]
    assert not stack(of_four | {"gpusPerReplica": 8, "nodesPerReplica": 2})


def test_a_manifest_is_spelt_as_the_api_spells_it_and_names_stay_as_they_are() -> None:
    built = {
        "from_": [{"pod_selector": {"match_labels": {"my_label": "a_b"}}}],
        "node_selector": {"some_key": "v"},
        "limits": {"nvidia.com/gpu": "8"},
        "env": [{"name": "A_B", "value_from": {"secret_key_ref": {"name": "k"}}}],
    }
    assert to_api_case(built) == {
        "from": [{"podSelector": {"matchLabels": {"my_label": "a_b"}}}],
        "nodeSelector": {"some_key": "v"},
        "limits": {"nvidia.com/gpu": "8"},
        "env": [{"name": "A_B", "valueFrom": {"secretKeyRef": {"name": "k"}}}],
    }


@pytest.mark.parametrize(("spec", "charts"), [(model(), 0), (model(**GROUP), 1)])
def test_a_managed_cluster_gets_the_controller_where_a_model_needs_it(spec: ModelSpec, charts: int) -> None:
    def program() -> None:
        cloud = cloud_for(gcp.cluster())
        built = Cluster("cluster", ClusterArgs(cloud=cloud, models=[spec]))
        assert len(built.addons) == charts

    graph = run(program, provider=gcp.answer)
    releases = graph.of_type("kubernetes:helm.sh/v3:Release")
    assert [item.inputs["chart"] for item in releases] == ["oci://registry.k8s.io/lws/charts/lws"] * charts


def test_the_embedded_cluster_brings_the_controller_itself(kubeconfig: object) -> None:
    def program() -> None:
        args = ClusterArgs(cloud=cloud_for(LocalCluster(cloud="local")), models=[model(**GROUP)])
        assert Cluster("cluster", args).addons == []

    assert {item.name for item in run(program)} == {"cluster", "cluster-provider"}


def test_the_webhooks_call_the_loopback_interface_and_wait_for_no_pod_but_a_groups() -> None:
    text = """
kind: MutatingWebhookConfiguration
metadata: {name: mutating-webhook-configuration}
webhooks:
- {name: a, clientConfig: {service: {name: s, namespace: n, path: /mutate--v1-pod}}}
- {name: b, clientConfig: {service: {name: s, namespace: n, path: /mutate-leaderworkerset}}}
"""
    (made,) = on_loopback(text, "https://127.0.0.1:1", "Q0E=")
    assert made["metadata"] == {"name": "lws-mutating"}
    pods, sets = made["webhooks"]
    assert pods["clientConfig"] == {"caBundle": "Q0E=", "url": "https://127.0.0.1:1/mutate--v1-pod"}
    assert pods["objectSelector"]["matchExpressions"][0]["key"] == "leaderworkerset.sigs.k8s.io/name"
    assert "objectSelector" not in sets
