"""Waiting for rest: whose nodes are waited for, how long, and what is advised when it does not come."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from elastic_vllm import catalog, labels
from fleet.drill import rest
from fleet.drill.kubelets import Kubelets
from fleet.drill.rest import await_no_nodes, settle
from fleet.drill.setting import Setting
from fleet.drill.view import Change, Pod, View, Watch
from fleet.errors import FleetError
from fleet.kube.apiserver import Apiserver
from fleet.kube.kubeconfig import Connection
from fleet.kube.objects import Object
from tests.manifests import model

NOWHERE = Connection("http://nowhere.invalid", {}, None)


class Nodes(Apiserver):
    """Answers one list after the other; the last one again and again."""

    def __init__(self, *lists: list[str]) -> None:
        super().__init__(NOWHERE)
        self._lists = list(lists)
        self.asked: list[str] = []

    def list(self, api_version: str, kind: str, namespace: str, **query: str) -> list[Object]:
        assert (api_version, kind, namespace) == ("v1", "Node", "")
        self.asked.append(query["labelSelector"])
        names = self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]
        return [{"metadata": {"name": name}} for name in names]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(Setting, "give_back_seconds", 0.05)
    monkeypatch.setattr(rest, "_TICK_SECONDS", 0.001)


def test_only_nodes_of_the_named_pools_are_waited_for() -> None:
    api = Nodes(["a", "b"], ["b"], [])
    await_no_nodes(api, ["l4", "l40s"])
    assert api.asked == [f"{labels.POOL} in (l4, l40s)"] * 3


def test_nodes_that_stay_are_named_when_time_is_up_though_nothing_happens() -> None:
    with pytest.raises(FleetError, match="nodes are left: a, b"):
        await_no_nodes(Nodes(["b", "a"]), ["l4"])


class Still(Watch):
    """A view that never changes."""

    def __init__(self, view: View) -> None:
        super().__init__(Apiserver(NOWHERE), "inference", model())
        self.view = view

    @property
    def complete(self) -> bool:
        return True

    def next(self, timeout_seconds: float) -> Change | None:
        del timeout_seconds
        return None


@pytest.fixture
def kubelets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubelets]:
    monkeypatch.setattr(Kubelets, "tell", lambda *_: None)
    with ThreadPoolExecutor(1) as executor:
        yield Kubelets(Apiserver(NOWHERE), "inference", executor)


def setting(min_nodes: int) -> Setting:
    return Setting(
        stack="mine",
        namespace="inference",
        model=model(),
        machine=catalog.machine_for("aws", "l4", 1),
        usd_per_node_hour=0.8,
        node_autoscaler="Karpenter",
        boot_seconds=1,
        load_seconds=1,
        compression=1,
        min_nodes=min_nodes,
    )


def resting(nodes: int) -> Still:
    replica = Pod(phase="Running", ready=True, node="n-0", leaving=False)
    return Still(View(wanted=1, pods={"a": replica}, nodes={f"n-{n}": "g6.xlarge" for n in range(nodes)}))


@pytest.mark.parametrize(("min_nodes", "nodes"), [(0, 1), (1, 1), (3, 3)])
def test_rest_is_the_least_replicas_on_the_floor_or_on_what_they_need(
    kubelets: Kubelets, min_nodes: int, nodes: int
) -> None:
    settle(resting(nodes), setting(min_nodes), kubelets, 0.1)


@pytest.mark.parametrize(("min_nodes", "nodes"), [(0, 2), (3, 1), (3, 4)])
def test_a_stack_that_does_not_come_to_rest_is_never_told_to_be_destroyed(
    kubelets: Kubelets, min_nodes: int, nodes: int
) -> None:
    with pytest.raises(FleetError, match="does not come to rest at 1 replicas") as caught:
        settle(resting(nodes), setting(min_nodes), kubelets, 0.1)
    assert "fleet cluster down" in caught.value.next_step
    assert "destroy" not in str(caught.value)
