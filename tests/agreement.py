"""Node side and pod side, whoever makes the nodes: would a pod run on an empty node of its model's pool?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elastic_vllm.catalog import MachineRow
from elastic_vllm.estimate.placement import SYSTEM_CPU_MILLIS, SYSTEM_MEMORY_MIB
from elastic_vllm.testing.registration import Graph
from tests.manifests import inputs

GPU = "nvidia.com/gpu"


@dataclass(frozen=True, kw_only=True)
class EmptyNode:
    """What an autoscaler knows of a node that is not there yet."""

    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    """As Kubernetes has them: key, value, effect."""
    gpus: int
    machine: MachineRow


def disagreements(graph: Graph, nodes: Sequence[EmptyNode]) -> Iterator[str]:
    """Why a pod of the graph's one model would not run there."""
    pod = inputs(graph, "chat-deployment")["spec"]["template"]["spec"]
    if not nodes:
        yield "there is no pool"
    for node in nodes:
        if not pod["nodeSelector"].items() <= node.labels.items():
            yield f"the selector {pod['nodeSelector']} misses the labels {dict(node.labels)}"
        yield from (f"{taint} is not tolerated" for taint in node.taints if not _tolerated(taint, pod))
        if node.gpus != node.machine.gpus:
            yield f"{node.gpus} GPUs are not those of {node.machine.name}"
        yield from _too_much(pod, node.machine)


def _too_much(pod: Any, machine: MachineRow) -> Iterator[str]:  # Any: a manifest nests as deep as it likes
    asked = [container["resources"] for container in pod["containers"]]
    gpus = sum(int(one["limits"].get(GPU, 0)) for one in asked)
    if not 0 < gpus <= machine.gpus:
        yield f"{gpus} of {machine.gpus} GPUs"
    cpu = sum(_millis(one["requests"]["cpu"]) for one in asked)
    if cpu > machine.allocatable_cpu_millis - SYSTEM_CPU_MILLIS:
        yield "not enough CPU"
    memory = sum(_mib(one["requests"]["memory"]) for one in asked)
    if memory > machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB:
        yield "not enough memory"


def _tolerated(taint: Mapping[str, str], pod: Any) -> bool:  # Any: as above
    return any(
        item["key"] == taint["key"]
        and item["effect"] == taint["effect"]
        and (item["operator"] == "Exists" or item.get("value") == taint["value"])
        for item in pod["tolerations"]
    )


def _millis(quantity: str) -> float:
    return float(quantity[:-1]) if quantity.endswith("m") else float(quantity) * 1000


def _mib(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1.0, "Gi": 1024.0}[quantity[-2:]]
