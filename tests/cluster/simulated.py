"""A namespace on a simulated node, for tests of what the simulation does."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from elastic_vllm import labels
from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, Ref, metadata

NODE = "simulation-node"
PATIENCE_SECONDS = 60
"""Of waiting for what is expected within seconds: only a failure takes so long."""


@dataclass(frozen=True)
class Space:
    """A namespace of a test's own on a node of its own."""

    api: Apiserver
    namespace: str

    def pod(self, name: str, *, annotations: dict[str, str] | None = None, **spec: object) -> Ref:
        ref = Ref(api_version="v1", kind="Pod", namespace=self.namespace, name=name)
        container = {
            "name": "main",
            "image": "example.com/none:1",
            **dict(mapping(spec.pop("container", {}))),
        }
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "annotations": prefixed(annotations or {})},
            "spec": {"nodeName": NODE, "containers": [container], **spec},
        }
        self.api.apply(ref, body)
        return ref

    def until(self, ref: Ref, reached: Callable[[Object | None], bool]) -> Object | None:
        """Follow one object until it is as wanted; None stands for one that is gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            live, version = self.api.look(ref)
            if reached(live):
                return live
            left = max(1, int(deadline - time.monotonic()))
            for event, item in self.api.watch(ref, resource_version=version, seconds=left):
                now = None if event == "DELETED" else item
                if reached(now):
                    return now
        raise AssertionError(f"{ref} did not become what was expected: {self.api.look(ref)[0]}")

    def ready(self, ref: Ref) -> Object:
        live = self.until(ref, lambda item: condition(item, "Ready").get("status") == "True")
        assert live is not None
        return live

    def delete(self, ref: Ref) -> float:
        """Ask for the deletion and wait until it is gone; returns the seconds from its order to its end."""
        live, version = self.api.look(ref)
        assert live is not None
        self.api.delete(ref, uid=text(metadata(live).get("uid")), policy="Background")
        started = time.monotonic()
        for event, _ in self.api.watch(ref, resource_version=version, seconds=PATIENCE_SECONDS):
            if event == "DELETED":
                return time.monotonic() - started
        raise AssertionError(f"{ref} is still there")


def prefixed(annotations: dict[str, str]) -> dict[str, str]:
    return {f"{labels.PREFIX}/{name}": value for name, value in annotations.items()}


def condition(item: Object | None, kind: str) -> Object:
    found = map(mapping, items(mapping(mapping(item).get("status")).get("conditions")))
    return next((each for each in found if each.get("type") == kind), {})


def seconds(value: object) -> float:
    return datetime.strptime(text(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
