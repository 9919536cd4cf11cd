"""A 235B over two nodes of eight GPUs, on the real LeaderWorkerSet: placed, lost and scaled whole."""

from collections.abc import Iterator, Mapping

import pytest

from elastic_vllm.testing.values import items, mapping, text
from fleet.drill.faults import strike
from fleet.drill.kubelets import CPU_USAGE
from fleet.drill.view import View
from fleet.drill.view import pod as seen
from fleet.embedded.layout import Layout
from fleet.kube.objects import Object, Ref, metadata
from tests.cluster.deployed import CLUSTER, Deployed, deployed, node_of

pytestmark = pytest.mark.cluster

RANKS = "app.kubernetes.io/instance=expert"
LEADERS = f"{RANKS},leaderworkerset.sigs.k8s.io/worker-index=0"
SECTIONS = {
    "cluster": CLUSTER | {"compression": 100},
    "pools": [{"name": "h100", "accelerator": "h100", "gpusPerNode": 8, "maxNodes": 4}],
    "models": [
        {
            "name": "expert",
            "checkpoint": "Qwen/Qwen3-VL-235B-A22B-Instruct",
            "pool": "h100",
            "gpusPerReplica": 16,
            "nodesPerReplica": 2,
            "replicas": {"min": 1, "max": 2},
            "resources": {"cpu": 100, "memoryGib": 1500, "shmGib": 16},
            "drain": {"propagationSeconds": 2, "finishSeconds": 1, "marginSeconds": 5},
            "scaling": {
                "preset": "seed",
                "scaleDown": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}],
                },
            },
        }
    ],
}


@pytest.fixture(scope="module")
def expert(cluster: Layout) -> Iterator[Deployed]:
    with deployed(cluster, "groups", SECTIONS) as stack:
        stack.until(lambda: len(stack.ready(RANKS)) == 2, "a group of two")
        yield stack


def environment(pod: Object) -> Mapping[str, str]:
    (container,) = map(mapping, items(mapping(pod["spec"])["containers"]))
    found = map(mapping, items(container["env"]))
    return {text(each.get("name")): text(each.get("value")) for each in found}


def words(pod: Object) -> list[str]:
    """The command line as the kubelet would run it."""
    (container,) = map(mapping, items(mapping(pod["spec"])["containers"]))
    line = list(map(str, items(container["args"])))
    for name, value in environment(pod).items():
        line = [word.replace(f"$({name})", value) for word in line]
    return line


def uids(pods: Mapping[str, Object]) -> set[str]:
    return {text(metadata(pod).get("uid")) for pod in pods.values()}


def zones(stack: Deployed) -> Mapping[str, str]:
    """The pool's nodes, and where each is."""
    nodes = stack.api.list("v1", "Node", "", labelSelector="elastic-vllm.dev/pool=h100")
    return {
        text(metadata(node).get("name")): text(
            mapping(metadata(node)["labels"]).get("topology.kubernetes.io/zone")
        )
        for node in nodes
    }


def test_a_group_is_two_nodes_of_one_zone_that_know_their_leader(expert: Deployed) -> None:
    pods = expert.ready(RANKS)
    assert sorted(pods) == ["expert-0", "expert-0-1"]
    assert len({node_of(pod) for pod in pods.values()}) == 2
    assert len({zones(expert)[node_of(pod)] for pod in pods.values()}) == 1
    leader, worker = words(pods["expert-0"]), words(pods["expert-0-1"])
    for line in (leader, worker):
        assert line[line.index("--nnodes") + 1] == line[line.index("--pipeline-parallel-size") + 1] == "2"
        assert line[line.index("--tensor-parallel-size") + 1] == "8"
        assert line[line.index("--master-addr") + 1] == "expert-0.expert-0.groups"
    assert leader[leader.index("--node-rank") + 1] == "0"
    assert worker[worker.index("--node-rank") + 1] == "1"
    assert "--headless" in worker
    assert "--headless" not in leader


def test_only_the_leader_gets_requests_and_the_leaders_name_resolves(expert: Deployed) -> None:
    slices = expert.api.list(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        expert.namespace,
        labelSelector="kubernetes.io/service-name=expert",
    )
    ends = [mapping(end) for each in slices for end in items(each.get("endpoints"))]
    assert [mapping(end["targetRef"])["name"] for end in ends] == ["expert-0"]
    domain = Ref(api_version="v1", kind="Service", namespace=expert.namespace, name="expert-0")
    service = expert.api.get(domain)
    assert service is not None
    assert mapping(service["spec"])["clusterIP"] == "None"


def test_a_group_that_loses_a_node_without_notice_is_replaced_whole(expert: Deployed) -> None:
    before = expert.ready(RANKS)
    view = View(pods={name: seen(pod) for name, pod in before.items()})
    victim, what = strike(expert.api, expert.namespace, view, "kill-node")
    assert (victim, what) == (node_of(before["expert-0"]), "killed without notice")
    expert.until(
        lambda: len(expert.ready(RANKS)) == 2 and not uids(expert.ready(RANKS)) & uids(before), "a new group"
    )
    assert victim not in {node_of(pod) for pod in expert.ready(RANKS).values()}


@pytest.mark.slow
def test_a_group_whose_other_node_is_drained_moves_whole(expert: Deployed) -> None:
    before = expert.ready(RANKS)
    name = node_of(before["expert-0-1"])
    expert.api.send("DELETE", f"/api/v1/nodes/{name}", body={})
    expert.until(
        lambda: len(expert.ready(RANKS)) == 2 and not uids(expert.ready(RANKS)) & uids(before), "a new group"
    )
    assert name not in {node_of(pod) for pod in expert.ready(RANKS).values()}


def test_the_autoscaler_counts_groups_and_takes_back_all_of_one(expert: Deployed) -> None:
    usage(expert, "90")
    expert.until(lambda: len(expert.ready(LEADERS)) == 2 and len(expert.ready(RANKS)) == 4, "two groups")
    assert len({zones(expert)[node_of(pod)] for pod in expert.ready(RANKS).values()}) <= 2
    assert len({node_of(pod) for pod in expert.ready(RANKS).values()}) == 4
    usage(expert, "1")
    expert.until(lambda: sorted(expert.pods(RANKS)) == ["expert-0", "expert-0-1"], "one group")
    expert.until(lambda: len(zones(expert)) == 2, "its nodes alone")


def usage(stack: Deployed, cores: str) -> None:
    for name in stack.pods(RANKS):
        ref = Ref(api_version="v1", kind="Pod", namespace=stack.namespace, name=name)
        stack.api.merge(ref, {"metadata": {"annotations": {CPU_USAGE: cores}}})
