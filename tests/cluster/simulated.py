"""A namespace on a simulated node, for tests of what the simulation does."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from elastic_vllm import labels
from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, Ref
from tests.cluster.objects import apply, delete, states

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
        apply(self.api, ref, body)
        return ref

    def until(self, ref: Ref, reached: Callable[[Object | None], bool]) -> Object | None:
        """Follow one object until it is as wanted; None stands for one that is gone."""
        live = None
        for live in states(self.api, ref, PATIENCE_SECONDS):
            if reached(live):
                return live
        raise AssertionError(f"{ref} did not become what was expected: {live}")

    def ready(self, ref: Ref) -> Object:
        live = self.until(ref, lambda item: condition(item, "Ready").get("status") == "True")
        assert live is not None
        return live

    def delete(self, ref: Ref) -> float:
        """Ask for the deletion and wait until it is gone; returns the seconds from its order to its end."""
        followed = states(self.api, ref, PATIENCE_SECONDS)
        assert next(followed) is not None
        delete(self.api, ref)
        started = time.monotonic()
        if None in followed:
            return time.monotonic() - started
        raise AssertionError(f"{ref} is still there")


def prefixed(annotations: dict[str, str]) -> dict[str, str]:
    return {f"{labels.PREFIX}/{name}": value for name, value in annotations.items()}


def condition(item: Object | None, kind: str) -> Object:
    found = map(mapping, items(mapping(mapping(item).get("status")).get("conditions")))
    return next((each for each in found if each.get("type") == kind), {})


def seconds(value: object) -> float:
    return datetime.strptime(text(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
