"""Following objects: what a watch says reaches the listener only where something happened to an object."""

import threading
from collections.abc import Iterator, Mapping

import pytest

from fleet.kube.apiserver import Apiserver, Kind
from fleet.kube.kubeconfig import Connection
from fleet.kube.objects import Object

NODE: Object = {"metadata": {"name": "n"}}
GONE: Object = {"kind": "Status", "code": 410, "reason": "Expired"}


class Cluster(Apiserver):
    """Lists at version 1, 2, 3, ...; each watch says what is next of its script."""

    def __init__(self, *script: list[tuple[str, Object]]) -> None:
        super().__init__(Connection("http://nowhere.invalid", {}, None))
        self._script = list(script)
        self._lists = 0
        self.watched_from: list[str] = []

    def kind(self, api_version: str, kind: str) -> Kind | None:
        del api_version, kind
        return Kind("/api/v1", "nodes", namespaced=False)

    def _read(self, path: str, query: Mapping[str, str] | None = None) -> Object | None:
        del path, query
        self._lists += 1
        return {"metadata": {"resourceVersion": str(self._lists)}, "items": []}

    def _events(self, path: str, query: Mapping[str, str]) -> Iterator[tuple[str, Object]]:
        del path
        self.watched_from.append(query["resourceVersion"])
        yield from self._script.pop(0)


def heard(cluster: Cluster, count: int) -> list[str]:
    stop = threading.Event()
    followed = cluster.follow("v1", "Node", "", stop)
    return [next(followed)[0] for _ in range(count)]


@pytest.mark.parametrize("event", ["ERROR", "BOOKMARK", ""])
def test_what_is_no_change_of_an_object_is_not_told_and_all_is_listed_again(event: str) -> None:
    cluster = Cluster([("ADDED", NODE), (event, GONE), ("DELETED", NODE)], [("MODIFIED", NODE)])
    assert heard(cluster, 4) == ["LIST", "ADDED", "LIST", "MODIFIED"]
    assert cluster.watched_from == ["1", "2"]


def test_every_change_of_an_object_is_told_and_nothing_listed_anew() -> None:
    cluster = Cluster([("ADDED", NODE), ("MODIFIED", NODE), ("DELETED", NODE)])
    assert heard(cluster, 4) == ["LIST", "ADDED", "MODIFIED", "DELETED"]


def test_a_watch_that_ends_is_begun_again_from_a_new_list() -> None:
    cluster = Cluster([], [("ADDED", NODE)])
    assert heard(cluster, 3) == ["LIST", "LIST", "ADDED"]
