"""What one model's replicas and its pool's nodes are now, kept current by watches.

Each change keeps the moment at which it arrived, so that what is recorded does not wait for who reads it.
"""

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Self, TypeVar

from elastic_vllm import labels
from elastic_vllm.spec import ModelSpec
from elastic_vllm.testing.values import items, mapping, text
from elastic_vllm.vllm import group
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, metadata

T = TypeVar("T")
Phase = Literal["Pending", "Running", "Succeeded", "Failed"]
_PHASES: dict[str, Phase] = {
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
}


@dataclass(frozen=True)
class Pod:
    """One replica, or its part on one node, as its object says. Times are seconds since the epoch."""

    phase: Phase
    ready: bool
    node: str
    leaving: bool
    started: float | None = None
    ready_changed: float | None = None
    leader: str = ""
    """The pod that answers for its group; empty where there is no group."""
    whole: bool = True
    """Whether all parts are there: a group that has lost one serves no request any more."""

    @property
    def serving(self) -> bool:
        """Whether it answers and does not terminate."""
        return self.ready and not self.leaving


@dataclass(frozen=True)
class View:
    """A moment of the cluster, as far as one model is concerned."""

    wanted: int = 0
    hpa_wants: int | None = None
    pods: Mapping[str, Pod] = field(default_factory=dict)
    """All of the model's, those of a group one by one."""
    group_size: int = 1
    """Pods of one replica."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Machine type by node name."""

    @property
    def answering(self) -> Mapping[str, Pod]:
        """The pods that the autoscaler sees: one of each replica."""
        if self.group_size == 1:
            return self.pods
        return {name: pod for name, pod in self.pods.items() if pod.leader == name}

    @property
    def replicas(self) -> Mapping[str, Pod]:
        """Each replica by the pod that answers for it; a group is what all of its pods together are."""
        if self.group_size == 1:
            return self.pods
        return {
            name: _together(
                leader, [pod for pod in self.pods.values() if pod.leader == name], self.group_size
            )
            for name, leader in self.answering.items()
        }

    def on(self, node: str) -> list[str]:
        """Replicas that have a part on a node."""
        return sorted({pod.leader or name for name, pod in self.pods.items() if pod.node == node})

    def count(self, state: Literal["ready", "loading", "without node", "leaving"]) -> int:
        """Replicas in one state; each is in exactly one."""
        return sum(_state(pod) == state for pod in self.replicas.values())

    def machines(self) -> dict[str, int]:
        """How many nodes there are of each machine type, by name."""
        kinds = list(self.nodes.values())
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


@dataclass(frozen=True)
class Change:
    """The view after something happened, and when that was (``time.monotonic``)."""

    at: float
    view: View


SCALED = {False: ("apps/v1", "Deployment"), True: (group.API_VERSION, group.KIND)}
"""What holds the replica count, by whether a replica is a group."""


class Watch:
    """Follows one model's replica count, HPA and pods, and its pool's nodes. A context manager."""

    def __init__(self, api: Apiserver, namespace: str, model: ModelSpec) -> None:
        self._stop = threading.Event()
        self._changes: queue.Queue[tuple[float, str, str, Object] | Exception] = queue.Queue()
        self._listed: set[str] = set()
        self.view = View(group_size=model.nodes_per_replica)
        named = {"fieldSelector": f"metadata.name={model.name}"}
        wanted = (
            (*SCALED[model.is_group], namespace, named),
            ("autoscaling/v2", "HorizontalPodAutoscaler", namespace, named),
            ("v1", "Pod", namespace, {"labelSelector": f"app.kubernetes.io/instance={model.name}"}),
            ("v1", "Node", "", {"labelSelector": f"{labels.POOL}={model.pool}"}),
        )
        self._threads = [
            threading.Thread(target=self._follow, args=(api, *what), kwargs=query, daemon=True)
            for *what, query in wanted
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()  # the threads are daemons: each ends with its watch or with the process

    def _follow(self, api: Apiserver, version: str, kind: str, namespace: str, **query: str) -> None:
        try:
            for event, item in api.follow(version, kind, namespace, self._stop, **query):
                self._changes.put((time.monotonic(), kind, event, item))
        except Exception as problem:  # noqa: BLE001  (the reader raises it)
            self._changes.put(problem)

    @property
    def complete(self) -> bool:
        """Whether everything was listed once: before that a view says less than there is."""
        return len(self._listed) == len(self._threads)

    def next(self, timeout_seconds: float) -> Change | None:
        """The view after the next change; None when nothing changes for so long.

        Raises what ended one of the watches: from then on the view would stand still.
        """
        try:
            change = self._changes.get(timeout=max(timeout_seconds, 0.0))
        except queue.Empty:
            return None
        if isinstance(change, Exception):
            raise change
        at, kind, event, item = change
        if event == "LIST":
            self._listed.add(kind)
        self.view = after(self.view, kind, event, item)
        return Change(at, self.view)


def after(view: View, kind: str, event: str, item: Object) -> View:
    """The view once this event is taken in."""
    listed = [mapping(each) for each in items(item.get("items"))] if event == "LIST" else [item]
    there = [] if event == "DELETED" else listed
    match kind:
        case "Deployment" | group.KIND:
            return replace(view, wanted=next((_number(one, "spec", "replicas") or 0 for one in there), 0))
        case "HorizontalPodAutoscaler":
            return replace(
                view, hpa_wants=next((_number(one, "status", "desiredReplicas") for one in there), None)
            )
        case "Pod":
            return replace(view, pods=_changed(view.pods, event, {_name(one): pod(one) for one in listed}))
        case _:
            return replace(
                view, nodes=_changed(view.nodes, event, {_name(one): _machine(one) for one in listed})
            )


def _changed(known: Mapping[str, T], event: str, these: Mapping[str, T]) -> Mapping[str, T]:
    if event == "LIST":
        return these
    rest = {name: old for name, old in known.items() if name not in these}
    return rest if event == "DELETED" else {**rest, **these}


def _together(leader: Pod, parts: Sequence[Pod], size: int) -> Pod:
    """A group has its node when all its pods have, is ready when all are, and terminates when one does."""
    whole = len(parts) == size
    return replace(
        leader,
        ready=whole and all(pod.ready for pod in parts),
        node=leader.node if whole and all(pod.node for pod in parts) else "",
        leaving=any(pod.leaving for pod in parts),
        whole=whole,
    )


def _state(pod: Pod) -> str:
    if pod.leaving:
        return "leaving"
    if not pod.node:
        return "without node"
    return "ready" if pod.ready else "loading"


def _name(item: Object) -> str:
    return text(metadata(item).get("name"))


def _number(item: Object, section: str, key: str) -> int | None:
    value = mapping(item.get(section)).get(key)
    return value if isinstance(value, int) else None


def _machine(node: Object) -> str:
    return text(mapping(metadata(node).get("labels")).get("node.kubernetes.io/instance-type"))


def pod(item: Object) -> Pod:
    """Read one pod's object."""
    status = mapping(item.get("status"))
    conditions = [mapping(each) for each in items(status.get("conditions"))]
    ready = next((each for each in conditions if each.get("type") == "Ready"), {})
    return Pod(
        phase=_PHASES.get(text(status.get("phase")), "Pending"),
        ready=ready.get("status") == "True",
        node=text(mapping(item.get("spec")).get("nodeName")),
        leaving="deletionTimestamp" in metadata(item),
        started=_epoch(status.get("startTime")),
        ready_changed=_epoch(ready.get("lastTransitionTime")),
        leader=_leader(mapping(metadata(item).get("labels"))),
    )


def _leader(marks: Mapping[str, object]) -> str:
    """By LeaderWorkerSet's own labels: the first pod of a group is called as the group is."""
    name, number = (text(marks.get(f"leaderworkerset.sigs.k8s.io/{key}")) for key in ("name", "group-index"))
    return f"{name}-{number}" if name else ""


def _epoch(value: object) -> float | None:
    """Seconds since the epoch of a Kubernetes timestamp."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
