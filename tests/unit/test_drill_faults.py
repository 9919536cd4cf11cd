"""What a fault does to the cluster: which requests, in which order, to whom."""

from collections.abc import Mapping
from typing import get_args

import pytest

from elastic_vllm.simulate.scenario import FaultKind
from elastic_vllm.testing.values import mapping
from fleet.drill.faults import reclaim, strike
from fleet.drill.view import Pod, View
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.kubeconfig import Connection
from fleet.kube.objects import Object

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
MERGE = "merge-patch+json"
CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
PODS = "/api/v1/namespaces/inference/pods"


class Requests(Apiserver):
    """Remembers what is sent, and refuses the paths that it is told to."""

    def __init__(self) -> None:
        super().__init__(Connection("http://nowhere.invalid", {}, None))
        self.sent: list[tuple[str, str, Object | None]] = []
        self.codes: dict[str, int] = {}

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        assert (query, content_type) in ((None, "application/json"), (None, f"application/{MERGE}"))
        self.sent.append((method, path, body))
        if code := self.codes.get(path):
            raise ApiError(code, {"message": f"status {code}"})
        return {}

    def list(self, api_version: str, kind: str, namespace: str, **query: str) -> list[Object]:
        assert (api_version, kind, namespace, query) == ("karpenter.sh/v1", "NodeClaim", "", {})
        return [
            {"metadata": {"name": f"claim-{node}"}, "status": {"nodeName": node}} for node in ("two", "one")
        ]


@pytest.fixture
def api() -> Requests:
    return Requests()


def replica(node: str, *, ready: bool = True, leaving: bool = False) -> Pod:
    return Pod(phase="Running", ready=ready, node=node, leaving=leaving)


VIEW = View(
    pods={
        "d": replica("two"),
        "c": replica("one"),
        "b": replica("one", ready=False),
        "a": replica("two", leaving=True),
    }
)
"""The first that is ready, and not about to go, is ``c``."""


def test_an_eviction_asks_the_eviction_api_and_so_the_disruption_budget(api: Requests) -> None:
    assert strike(api, "inference", VIEW, "evict-pod") == ("c", "evicted")
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "c", "namespace": "inference"},
    }
    assert api.sent == [("POST", f"{PODS}/c/eviction", body)]


def test_a_drain_deletes_the_node_and_leaves_its_pods_to_karpenter(api: Requests) -> None:
    assert strike(api, "inference", VIEW, "drain-node") == ("one", "drained")
    assert api.sent == [("DELETE", "/api/v1/nodes/one", {})]


def test_a_killed_node_takes_all_its_pods_at_once_and_goes_after_them(api: Requests) -> None:
    assert strike(api, "inference", VIEW, "kill-node") == ("one", "killed without notice")
    assert api.sent == [
        ("PATCH", "/api/v1/nodes/one", {"spec": {"unschedulable": True}}),
        ("DELETE", f"{PODS}/b", {"gracePeriodSeconds": 0}),
        ("DELETE", f"{PODS}/c", {"gracePeriodSeconds": 0}),
        ("DELETE", "/api/v1/nodes/one", {}),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "pods",
    [
        {},
        {"a": replica("one", ready=False), "b": replica("one", leaving=True), "c": replica("", ready=False)},
    ],
    ids=["no replica", "none that answers"],
)
def test_when_nobody_is_ready_nothing_is_sent_and_that_is_said(
    api: Requests, kind: FaultKind, pods: dict[str, Pod]
) -> None:
    assert strike(api, "inference", View(pods=pods), kind) == ("no replica", f"{kind}: no replica is ready")
    assert api.sent == []


@pytest.mark.parametrize("kind", ["spot-interruption", "consolidate"])
def test_a_node_that_karpenter_takes_goes_by_its_claim_and_its_pods_are_left_to_karpenter(
    api: Requests, kind: FaultKind
) -> None:
    whom, _ = strike(api, "inference", VIEW, kind)
    assert whom == "one"
    assert api.sent == [("DELETE", f"{CLAIMS}/claim-one", {})]


def test_a_rollout_changes_the_template_in_nothing_that_the_pods_run(api: Requests) -> None:
    assert strike(api, "inference", VIEW, "rollout", "chat") == ("chat", "rolled out")
    ((method, path, body),) = api.sent
    assert (method, path) == ("PATCH", "/apis/apps/v1/namespaces/inference/deployments/chat")
    template = mapping(mapping(mapping(body)["spec"])["template"])
    assert list(template) == ["metadata"]
    assert list(mapping(mapping(template["metadata"])["annotations"])) == ["elastic-vllm.dev/restarted-at"]


def test_a_rollout_of_groups_changes_all_their_pods(api: Requests) -> None:
    parts = {name: Pod("Running", True, name, False, leader="a") for name in ("a", "a-1")}
    strike(api, "inference", View(pods=parts, group_size=2), "rollout", "chat")
    ((_, path, body),) = api.sent
    assert path == "/apis/leaderworkerset.x-k8s.io/v1/namespaces/inference/leaderworkersets/chat"
    changed = mapping(mapping(mapping(body)["spec"])["leaderWorkerTemplate"])
    assert changed["leaderTemplate"] == changed["workerTemplate"]


def test_a_killed_node_is_the_leaders_and_the_rest_of_the_group_is_left_to_its_controller(
    api: Requests,
) -> None:
    parts = {name: Pod("Running", True, name, False, leader="a") for name in ("a", "a-1")}
    assert strike(api, "inference", View(pods=parts, group_size=2), "kill-node")[0] == "a"
    assert f"{PODS}/a" in {path for _, path, _ in api.sent}
    assert f"{PODS}/a-1" not in {path for _, path, _ in api.sent}


def test_a_spot_machine_that_is_empty_in_time_is_not_touched_again(api: Requests) -> None:
    assert reclaim(api, "inference", VIEW, "three") == "was empty before its notice was over"
    assert api.sent == []


def test_a_spot_machine_goes_with_whatever_still_runs_on_it(api: Requests) -> None:
    assert reclaim(api, "inference", VIEW, "one") == "taken away with 2 replicas on it"
    node = "/api/v1/nodes/one"
    assert [path for _, path, _ in api.sent] == [node, f"{PODS}/b", f"{PODS}/c", node]


def test_what_is_gone_meanwhile_does_not_keep_a_node_alive(api: Requests) -> None:
    api.codes = {f"{PODS}/b": 404, f"{PODS}/c": 404, "/api/v1/nodes/one": 404}
    assert strike(api, "inference", VIEW, "kill-node") == ("one", "killed without notice")
    assert len(api.sent) == 4


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("kill-node", f"{PODS}/b"),
        ("kill-node", "/api/v1/nodes/one"),
        ("drain-node", "/api/v1/nodes/one"),
        ("evict-pod", f"{PODS}/c/eviction"),
        ("consolidate", f"{CLAIMS}/claim-one"),
    ],
)
@pytest.mark.parametrize("code", [403, 500])
def test_any_other_refusal_is_raised(api: Requests, kind: FaultKind, path: str, code: int) -> None:
    api.codes[path] = code
    with pytest.raises(ApiError, match=f"status {code}"):
        strike(api, "inference", VIEW, kind)


def test_an_eviction_that_the_disruption_budget_forbids_is_said_and_ends_no_drill(api: Requests) -> None:
    api.codes[f"{PODS}/c/eviction"] = 429
    assert strike(api, "inference", VIEW, "evict-pod") == ("c", "not evicted: status 429")


def test_a_replica_that_is_gone_before_its_eviction_is_said_and_ends_no_drill(api: Requests) -> None:
    api.codes[f"{PODS}/c/eviction"] = 404
    assert strike(api, "inference", VIEW, "evict-pod") == ("c", "not evicted: status 404")
