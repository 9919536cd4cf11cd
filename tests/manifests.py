"""Shared by the tests of components: sensible specs, builders' output as plain data, recorded graphs."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from elastic_vllm.clouds.base import Placement
from elastic_vllm.spec import ModelSpec, NodePoolSpec
from elastic_vllm.testing.registration import Graph, Registration
from elastic_vllm.testing.values import Secret, transform

FP8_8B = "Qwen/Qwen3-VL-8B-Instruct-FP8"
LARGEST = "Qwen/Qwen3-VL-235B-A22B-Instruct-FP8"
L4 = Placement(
    accelerator="l4",
    node_selector={"pool": "l4"},
    tolerations=({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
)


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
    """A graph as JSON that only a change of meaning changes: sorted, masked, without this machine's path."""

    def leaf(value: object) -> object:
        if isinstance(value, Secret):
            return str(value)
        return "<kubeconfig>" if value == str(kubeconfig) else value

    resources = [
        {
            "urn": item.urn,
            "parent": item.parent,
            "provider": item.provider_urn,
            "dependencies": list(item.dependencies),
            "protect": item.protect,
            "inputs": transform(item.inputs, leaf),
        }
        for item in sorted(graph, key=lambda item: item.urn)
    ]
    whole = {"resources": resources, "outputs": transform(graph.outputs, leaf)}
    return json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


Golden = Callable[[str, str], None]
"""Compares a text with a committed file; ``pytest --update-golden`` writes it instead."""
