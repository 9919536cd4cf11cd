"""Shared by the tests of components: sensible specs, builders' output as plain data, recorded graphs."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec, NodePoolSpec
from elastic_vllm.testing.registration import Graph, Registration
from elastic_vllm.testing.values import Secret, mapping
from tests.recorded import transform

FP8_8B = "Qwen/Qwen3-VL-8B-Instruct-FP8"
LARGEST = "Qwen/Qwen3-VL-235B-A22B-Instruct-FP8"
L4 = Placement(
    accelerator="l4",
    node_selector={"pool": "l4"},
    tolerations=({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
)
GROUP: dict[str, object] = {
    "name": "expert",
    "checkpoint": LARGEST.removesuffix("-FP8"),
    "gpusPerReplica": 16,
    "nodesPerReplica": 2,
}
"""The keys of a model whose replica spans two nodes."""


def model(**keys: object) -> ModelSpec:
    """A model as a stack file writes it, camelCase keys; only what a test is about has to be said."""
    return ModelSpec.model_validate({"name": "chat", "checkpoint": FP8_8B, "pool": "l4", **keys})


def pool(**keys: object) -> NodePoolSpec:
    """A pool, likewise."""
    return NodePoolSpec.model_validate({"name": "l4", "accelerator": "l4", "maxNodes": 4, **keys})


def plain(built: object) -> Any:  # Any: a manifest nests as deep as Kubernetes likes
    """What a builder made, as JSON sees it; fails on an Output, which a pure builder never makes."""
    return json.loads(json.dumps(built))


def kubernetes(graph: Graph) -> list[Registration]:
    """Everything that ends on the cluster."""
    return [item for item in graph if item.custom and not item.is_provider]


def inputs(graph: Graph, name: str) -> Any:  # Any: as above
    """The properties of the resource with this logical name; secrets keep their mark."""
    return dict(graph.named(name).inputs)


def names(graph: Graph) -> list[str]:
    """What is registered, and where in the tree."""
    return sorted(item.urn for item in graph)


def strings(value: object) -> Iterator[str]:
    """Every key and string in the plain, that is outside a secret mark."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def normalised(graph: Graph, kubeconfig: Path) -> str:
    """A graph as JSON that only a change of meaning changes: sorted, masked, without this machine's path.

    Our own scripts inside ConfigMaps stand as a hash under ``sources``, and the names that follow from their
    content without it: a comment in a script changes one line.
    """
    sources: dict[str, str] = {}
    named = _names_from_content(graph)

    def leaf(value: object) -> object:
        if isinstance(value, Secret):
            return str(value)
        if isinstance(value, str):
            return "<kubeconfig>" if value == str(kubeconfig) else named.get(value, value)
        return value

    resources = [
        {
            "urn": item.urn,
            "parent": item.parent,
            "provider": item.provider_urn,
            "dependencies": list(item.dependencies),
            "protect": item.protect,
            "inputs": transform(_without_source(item, sources), leaf),
        }
        for item in sorted(graph, key=lambda item: item.urn)
    ]
    whole = {"resources": resources, "outputs": transform(graph.outputs, leaf), "sources": sources}
    return json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _names_from_content(graph: Graph) -> dict[str, str]:
    """Names of ConfigMaps and Jobs that end in a hash of what is in them, each without it."""
    kinds = ("kubernetes:core/v1:ConfigMap", "kubernetes:batch/v1:Job")
    names = [mapping(item.inputs["metadata"])["name"] for item in graph if item.type in kinds]
    return {name: _HASHED.sub("-<content>", name) for name in names if isinstance(name, str)}


def _without_source(item: Registration, sources: dict[str, str]) -> Mapping[str, object]:
    """The inputs with a mark in the place of each Python file; its hash goes to ``sources``."""
    if item.type != "kubernetes:core/v1:ConfigMap":
        return item.inputs
    data = dict(mapping(item.inputs["data"]))
    for file, text in data.items():
        if file.endswith(".py"):
            sources[file] = f"sha256:{sha256(str(text).encode()).hexdigest()}"
            data[file] = "<see sources>"
    return {**item.inputs, "data": data}


_HASHED = re.compile(r"-[0-9a-f]{8}$")

Golden = Callable[[str, str], None]
"""Compares a text with a committed file; ``pytest --update-golden`` writes it instead."""
