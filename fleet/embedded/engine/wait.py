"""Waiting for the cluster, by watches: until a Deployment is rolled out, until an object is gone."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.values import items, mapping
from fleet.embedded.engine.explain import why_not_ready
from fleet.embedded.engine.report import Reporter
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, Ref, annotation, metadata

_DEFAULT_SECONDS = 600
_WATCH_SECONDS = 2
"""How long one watch lasts: the longest that a wait goes on after the run has failed elsewhere."""

State = Callable[[Object | None], str | None]
"""What an object still lacks, in words; None once there is nothing more to wait for."""


@dataclass(frozen=True)
class Patience:
    """Waits on behalf of one run, and gives up when that run has failed."""

    api: Apiserver
    reporter: Reporter
    stop: threading.Event

    def until_ready(self, ref: Ref, live: Object) -> Object:
        """Wait for an object of the kinds that take their time, unless it says not to."""
        state = _READINESS.get((ref.group, ref.kind)) or _waited_for(annotation(live, "pulumi.com/waitFor"))
        if state is None or annotation(live, "pulumi.com/skipAwait") == "true":
            return live
        seconds = timeout_seconds(live)
        now, lack = self._wait(ref, state, seconds)
        if lack is not None:
            why = "".join(f"\n  {line}" for line in why_not_ready(self.api, ref, now or live))
            raise EngineError(f"{ref} is not ready after {seconds} s: {lack}{why}")
        return now or live

    def until_gone(self, ref: Ref, live: Object) -> None:
        """Wait until this very object is no more."""
        uid = metadata(live).get("uid")

        def state(now: Object | None) -> str | None:
            return "being deleted" if now is not None and metadata(now).get("uid") == uid else None

        seconds = timeout_seconds(live)
        left, lack = self._wait(ref, state, seconds)
        if lack is not None:
            holders = ", ".join(map(str, items(metadata(left or live).get("finalizers"))))
            raise EngineError(f"{ref} is not gone after {seconds} s; finalizers: {holders or 'none'}")

    def _wait(self, ref: Ref, state: State, seconds: int) -> tuple[Object | None, str | None]:
        deadline = time.monotonic() + seconds
        told = ""
        for now in self._versions(ref):
            lack = state(now)
            if lack is None:
                if told:
                    self.reporter.progress(str(ref), "done")
                return now, None
            if lack != told:
                self.reporter.progress(str(ref), lack)
                told = lack
            if time.monotonic() >= deadline:
                return now, lack
        raise EngineError(f"stopped waiting for {ref}: the run has failed")

    def _versions(self, ref: Ref) -> Iterator[Object | None]:
        """The object now, at each change, and after each watch; ends when the run has failed elsewhere."""
        while not self.stop.is_set():
            live, version = self.api.look(ref)
            yield live
            for event, item in self.api.watch(ref, resource_version=version, seconds=_WATCH_SECONDS):
                if event not in ("ADDED", "MODIFIED", "DELETED") or self.stop.is_set():
                    break
                yield None if event == "DELETED" else item


def timeout_seconds(item: Object) -> int:
    """How long the object says that it may take."""
    value = annotation(item, "pulumi.com/timeoutSeconds")
    return int(value) if value.isdigit() else _DEFAULT_SECONDS


def _count(values: Object, key: str, default: int = 0) -> int:
    value = values.get(key)
    return value if isinstance(value, int) else default


def _deployment(live: Object | None) -> str | None:
    """As ``kubectl rollout status`` sees it."""
    if live is None:
        return "it has been deleted"
    status, wanted = mapping(live.get("status")), _count(mapping(live.get("spec")), "replicas", 1)
    if _count(status, "observedGeneration") < _count(metadata(live), "generation"):
        return "not seen by the deployment controller yet"
    updated, total, available = (_count(status, f"{key}eplicas") for key in ("updatedR", "r", "availableR"))
    if updated < wanted:
        return f"{updated} of {wanted} replicas are of the new version"
    if total > updated:
        return f"{total - updated} old replicas have yet to go"
    return f"{available} of {wanted} replicas are available" if available < updated else None


def _groups(live: Object | None) -> str | None:
    """Every group whole; the controller says so of all of them together."""
    if live is None:
        return "it has been deleted"
    status, wanted = mapping(live.get("status")), _count(mapping(live.get("spec")), "replicas", 1)
    if _count(status, "observedGeneration") < _count(metadata(live), "generation"):
        return "not seen by its controller yet"
    updated, ready = (_count(status, f"{key}Replicas") for key in ("updated", "ready"))
    if updated < wanted:
        return f"{updated} of {wanted} groups are of the new version"
    return f"{ready} of {wanted} groups are ready" if ready < wanted else None


def _waited_for(expression: str) -> State | None:
    """``condition=Ready``: ``admission`` lets no other form through."""
    wanted = expression.removeprefix("condition=")
    if not wanted:
        return None

    def state(live: Object | None) -> str | None:
        conditions = map(mapping, items(mapping(mapping(live).get("status")).get("conditions")))
        met = any(each.get("type") == wanted and each.get("status") == "True" for each in conditions)
        return None if met else f"{wanted} is not true of it yet"

    return state


def _definition(live: Object | None) -> str | None:
    conditions = [mapping(c) for c in items(mapping((live or {}).get("status")).get("conditions"))]
    established = any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)
    return None if established else "not served yet"


_READINESS: dict[tuple[str, str], State] = {
    ("apps", "Deployment"): _deployment,
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): _groups,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
