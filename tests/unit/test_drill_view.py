"""What the drill sees: the cluster's events folded into one view, each with the moment that it came."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm import labels
from elastic_vllm.testing.values import mapping
from fleet.drill.view import Pod, View, Watch, after, pod
from fleet.kube.apiserver import Apiserver
from fleet.kube.errors import KubeError
from fleet.kube.kubeconfig import Connection
from fleet.kube.objects import Object
from tests.manifests import model

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z."""


def pod_object(name: str, *, ready: bool = False, node: str = "", leaving: bool = False) -> Object:
    metadata = {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {})
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": "True" if ready else "False"},
    ]
    spec = {"nodeName": node} if node else {}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "conditions": conditions}}


def seen(*, ready: bool = False, node: str = "", leaving: bool = False) -> Pod:
    return Pod(phase="Running", ready=ready, node=node, leaving=leaving)


def node(name: str, machine: str = "g5.xlarge") -> Object:
    return {"metadata": {"name": name, "labels": {"node.kubernetes.io/instance-type": machine}}}


def deployment(replicas: int) -> Object:
    return {"metadata": {"name": "chat"}, "spec": {"replicas": replicas}}


def autoscaler(desired: int | None) -> Object:
    return {"metadata": {"name": "chat"}, "status": {} if desired is None else {"desiredReplicas": desired}}


def listed(*found: Object) -> Object:
    return {"items": list(found)}


def fold(*events: tuple[str, str, Object]) -> View:
    view = View()
    for kind, event, item in events:
        view = after(view, kind, event, item)
    return view


def test_a_list_is_all_there_is() -> None:
    view = fold(
        ("Pod", "LIST", listed(pod_object("gone-meanwhile", ready=True))),
        ("Pod", "LIST", listed(pod_object("a", ready=True, node="n"), pod_object("b"))),
        ("Node", "LIST", listed(node("gone-too"))),
        ("Node", "LIST", listed(node("n"))),
    )
    assert view.pods == {"a": seen(ready=True, node="n"), "b": seen()}
    assert view.nodes == {"n": "g5.xlarge"}


def test_an_addition_and_a_change_concern_one_and_leave_the_others() -> None:
    view = fold(
        ("Pod", "LIST", listed(pod_object("a", ready=True))),
        ("Pod", "ADDED", pod_object("b")),
        ("Pod", "MODIFIED", pod_object("b", ready=True, node="n")),
        ("Node", "LIST", listed(node("m"))),
        ("Node", "ADDED", node("n", "")),
        ("Node", "MODIFIED", node("n", "g5.2xlarge")),
    )
    assert view.pods == {"a": seen(ready=True), "b": seen(ready=True, node="n")}
    assert view.nodes == {"m": "g5.xlarge", "n": "g5.2xlarge"}


def test_a_deletion_takes_one_away() -> None:
    view = fold(
        ("Node", "LIST", listed(node("a"), node("b", "g5.2xlarge"))),
        ("Node", "DELETED", node("a")),
        ("Pod", "LIST", listed(pod_object("a"), pod_object("b"))),
        ("Pod", "DELETED", pod_object("b")),
    )
    assert view.nodes == {"b": "g5.2xlarge"}
    assert view.pods == {"a": seen()}


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("Pod", pod_object("a")),
        ("Node", node("a")),
        ("Deployment", deployment(2)),
        ("HorizontalPodAutoscaler", autoscaler(2)),
    ],
)
def test_a_deletion_of_what_was_never_seen_is_nothing(kind: str, item: Object) -> None:
    assert fold((kind, "DELETED", item)) == View()


@pytest.mark.parametrize("event", ["ADDED", "MODIFIED", "LIST"])
def test_wanted_is_the_deployments_count_and_the_hpas_wish_stands_beside_it(event: str) -> None:
    def told(item: Object) -> Object:
        return listed(item) if event == "LIST" else item

    view = fold(
        ("Deployment", event, told(deployment(3))), ("HorizontalPodAutoscaler", event, told(autoscaler(5)))
    )
    assert (view.wanted, view.hpa_wants) == (3, 5)


def test_no_replica_wanted_is_none_and_not_unknown() -> None:
    view = fold(
        ("Deployment", "ADDED", deployment(2)),
        ("Deployment", "MODIFIED", deployment(0)),
        ("HorizontalPodAutoscaler", "ADDED", autoscaler(0)),
    )
    assert (view.wanted, view.hpa_wants) == (0, 0)


def test_a_deployment_or_an_hpa_that_is_gone_wants_nothing() -> None:
    before = fold(("Deployment", "ADDED", deployment(2)), ("HorizontalPodAutoscaler", "ADDED", autoscaler(2)))
    for event, one, other in (
        ("DELETED", deployment(2), autoscaler(2)),
        ("LIST", listed(), listed()),
    ):
        gone = after(after(before, "Deployment", event, one), "HorizontalPodAutoscaler", event, other)
        assert (gone.wanted, gone.hpa_wants) == (0, None)


def test_an_hpa_that_has_not_decided_yet_wants_nothing_in_particular() -> None:
    assert fold(("HorizontalPodAutoscaler", "ADDED", autoscaler(None))).hpa_wants is None


def test_kinds_do_not_mix() -> None:
    view = fold(
        ("Deployment", "ADDED", deployment(1)),
        ("HorizontalPodAutoscaler", "ADDED", autoscaler(4)),
        ("Pod", "ADDED", pod_object("same")),
        ("Node", "ADDED", node("same")),
    )
    assert (view.wanted, view.hpa_wants) == (1, 4)
    assert after(view, "Pod", "DELETED", pod_object("same")).nodes == {"same": "g5.xlarge"}
    without_nodes = after(view, "Node", "LIST", listed())
    assert without_nodes == View(wanted=1, hpa_wants=4, pods=view.pods, nodes={})


@given(
    st.lists(
        st.builds(seen, ready=st.booleans(), node=st.sampled_from(["", "n"]), leaving=st.booleans()),
        max_size=8,
    )
)
def test_each_replica_is_in_exactly_one_state(pods: list[Pod]) -> None:
    view = View(pods={f"pod-{index}": each for index, each in enumerate(pods)})
    counts = [view.count(state) for state in ("ready", "loading", "without node", "leaving")]
    assert sum(counts) == len(pods)


def test_a_replica_that_was_told_to_go_is_leaving_whatever_else_it_is() -> None:
    view = View(pods={"a": seen(ready=True, node="n", leaving=True), "b": seen(leaving=True)})
    assert view.count("leaving") == 2
    assert view.count("ready") == view.count("without node") == 0


def test_a_pod_is_leaving_from_the_moment_its_deletion_is_asked_for() -> None:
    view = fold(("Pod", "ADDED", pod_object("a", ready=True, node="n")))
    told = after(view, "Pod", "MODIFIED", pod_object("a", ready=True, node="n", leaving=True))
    assert (view.count("leaving"), told.count("leaving")) == (0, 1)


def test_a_replica_loads_from_its_node_on_until_it_is_ready() -> None:
    view = View(pods={"a": seen(), "b": seen(node="n"), "c": seen(node="n", ready=True)})
    assert [view.count(state) for state in ("without node", "loading", "ready")] == [1, 1, 1]


def part(name: str, group: int = 0, **state: object) -> Object:
    """A pod of a group of the model ``expert``, as LeaderWorkerSet labels it."""
    made = pod_object(name, **state)  # type: ignore[arg-type]  # the same keywords
    marks = {"name": "expert", "group-index": str(group)}
    labelled = {f"leaderworkerset.sigs.k8s.io/{key}": value for key, value in marks.items()}
    return {**made, "metadata": {**mapping(made["metadata"]), "labels": labelled}}


def grouped(*parts: Object) -> View:
    return after(View(group_size=2), "Pod", "LIST", listed(*parts))


def test_a_group_is_one_replica_that_is_ready_when_all_of_it_is() -> None:
    half = grouped(part("expert-0", ready=True, node="n"), part("expert-0-1", node="m"))
    whole = grouped(part("expert-0", ready=True, node="n"), part("expert-0-1", ready=True, node="m"))
    assert list(whole.replicas) == ["expert-0"]
    assert [half.count(state) for state in ("ready", "loading")] == [0, 1]
    assert [whole.count(state) for state in ("ready", "loading")] == [1, 0]


@pytest.mark.parametrize(
    "parts", [[part("expert-1", 1, node="n")], [part("expert-1", 1, node="n"), part("expert-1-1", 1)]]
)
def test_a_group_waits_until_its_last_pod_has_a_node(parts: list[Object]) -> None:
    assert grouped(*parts).count("without node") == 1


def test_a_group_goes_as_soon_as_one_of_its_pods_is_told_to_and_is_lost_when_one_is_gone() -> None:
    going = grouped(
        part("expert-0", ready=True, node="n"), part("expert-0-1", ready=True, node="m", leaving=True)
    )
    assert going.count("leaving") == 1
    assert going.replicas["expert-0"].whole
    lost = after(going, "Pod", "DELETED", part("expert-0-1"))
    assert not lost.replicas["expert-0"].whole


def test_the_autoscaler_sees_the_pods_that_answer_and_a_node_holds_parts_of_groups() -> None:
    view = grouped(part("expert-0", node="n"), part("expert-0-1", node="m"), part("expert-1-1", 1, node="m"))
    assert list(view.answering) == ["expert-0"]
    assert view.on("m") == ["expert-0", "expert-1"]


def test_the_count_of_groups_is_the_leaderworkersets() -> None:
    assert fold(("LeaderWorkerSet", "ADDED", deployment(3))).wanted == 3


def test_machines_are_counted_by_type_and_in_order() -> None:
    view = View(nodes={"a": "g6.xlarge", "b": "g5.xlarge", "c": "g6.xlarge"})
    assert list(view.machines().items()) == [("g5.xlarge", 1), ("g6.xlarge", 2)]


def test_a_pods_moments_are_its_start_and_the_last_change_of_its_readiness() -> None:
    status: Object = {
        "phase": "Running",
        "startTime": "2026-01-01T12:00:00Z",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T11:59:00Z"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T12:00:20Z"},
        ],
    }
    assert pod({"metadata": {"name": "a"}, "spec": {"nodeName": "n"}, "status": status}) == Pod(
        phase="Running", ready=True, node="n", leaving=False, started=NOON, ready_changed=NOON + 20
    )


def test_a_pod_that_nobody_took_up_yet_is_pending_and_has_no_moments() -> None:
    assert pod({"metadata": {"name": "a"}}) == Pod(phase="Pending", ready=False, node="", leaving=False)


@pytest.mark.parametrize("phase", ["Pending", "Running", "Succeeded", "Failed"])
def test_a_phase_is_the_pods_own(phase: str) -> None:
    assert pod({"metadata": {"name": "a"}, "status": {"phase": phase}}).phase == phase


class Cluster(Apiserver):
    """Serves one event of each kind, when let, and then falls silent."""

    def __init__(self, *lists: str) -> None:
        super().__init__(Connection("http://nowhere.invalid", {}, None))
        self._lists = lists
        self.asked: dict[str, tuple[str, str, str]] = {}
        self.answered = threading.Event()

    def follow(
        self, api_version: str, kind: str, namespace: str, stop: threading.Event, **query: str
    ) -> Iterator[tuple[str, Object]]:
        self.asked[kind] = (api_version, namespace, next(iter(query.values())))
        if kind in self._lists:
            yield "LIST", listed(deployment(3)) if kind == "Deployment" else listed()
            self.answered.set()
        stop.wait(5)


def test_a_watch_asks_for_this_models_objects_and_for_its_pools_nodes() -> None:
    api = Cluster("Deployment", "HorizontalPodAutoscaler", "Pod", "Node")
    with Watch(api, "inference", model(pool="l4")) as watch:
        for _ in range(4):
            watch.next(5)
        assert watch.complete
    assert api.asked == {
        "Deployment": ("apps/v1", "inference", "metadata.name=chat"),
        "HorizontalPodAutoscaler": ("autoscaling/v2", "inference", "metadata.name=chat"),
        "Pod": ("v1", "inference", "app.kubernetes.io/instance=chat"),
        "Node": ("v1", "", f"{labels.POOL}=l4"),
    }


def test_a_view_is_not_complete_before_every_kind_was_listed() -> None:
    with Watch(Cluster("Deployment", "Pod", "Node"), "inference", model()) as watch:
        for _ in range(3):
            assert watch.next(5) is not None
        assert not watch.complete


def test_a_change_carries_the_moment_it_came_and_not_the_one_at_which_it_was_read() -> None:
    api = Cluster("Deployment")
    with Watch(api, "inference", model()) as watch:
        assert api.answered.wait(5)
        came = time.monotonic()
        time.sleep(0.02)
        change = watch.next(5)
    assert change is not None
    assert change.at <= came
    assert change.view.wanted == watch.view.wanted == 3


class Broken(Apiserver):
    """Answers once for one kind, then no more."""

    def __init__(self) -> None:
        super().__init__(Connection("http://nowhere.invalid", {}, None))

    def follow(
        self, api_version: str, kind: str, namespace: str, stop: threading.Event, **query: str
    ) -> Iterator[tuple[str, Object]]:
        del api_version, namespace, query
        if kind == "Pod":
            yield "LIST", listed()
            raise KubeError("no apiserver answers")
        stop.wait(5)


def test_a_watch_that_ends_with_an_error_ends_whoever_reads_the_view() -> None:
    with Watch(Broken(), "inference", model()) as watch:
        assert watch.next(5) is not None
        with pytest.raises(KubeError, match="no apiserver answers"):
            watch.next(5)


@pytest.mark.parametrize("timeout", [0.01, 0, -1])
def test_silence_is_no_change(timeout: float) -> None:
    with Watch(Cluster(), "inference", model()) as watch:
        assert watch.next(timeout) is None
