"""How long a replica may take to become Ready, and every limit that follows from it. Pure arithmetic.

Predictions rest on assumed figures of the catalogue, so budgets are a wide multiple: too small a budget kills
a replica that is loading, again and again; too large a one only reports a broken replica later.
"""

import math
from dataclasses import dataclass

from elastic_vllm import catalog
from elastic_vllm.spec import ClusterSpec, ModelSpec

SAFETY_FACTOR = 3
SHORTEST_BUDGET_SECONDS = 300
PROBE_PERIOD_SECONDS = 10
NODE_ALLOWANCE_SECONDS = 900
"""For a node to come and pull the image, before the container starts."""
MIN_READY_SECONDS = 10
"""A replica that dies right after it became Ready does not count as rolled out."""
_ENGINE_READY_DEFAULT_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Start:
    """From asking for a replica until it answers, part by part, in the catalogue's own seconds."""

    boot: float
    """Of the machine."""
    image: float
    """Its pull of the image."""
    engine: float
    """Processes, compilation, graph capture."""
    weights: float
    """Streaming them."""

    @property
    def node(self) -> float:
        """Until a new node can start the replica."""
        return self.boot + self.image

    @property
    def load(self) -> float:
        """From the container's start until the replica answers."""
        return self.engine + self.weights

    @property
    def seconds(self) -> float:
        """On a node that has to come first."""
        return self.node + self.load


def start_of(cluster: ClusterSpec, model: ModelSpec, machine: catalog.MachineRow) -> Start:
    """How long one more replica takes; what others of the model compiled is there, if it is kept."""
    compiled = model.engine.compile_cache is not None
    return Start(
        boot=catalog.timing(cluster.catalogue).boot_seconds,
        image=pull_seconds(cluster),
        engine=catalog.engine_seconds(machine.accelerator, model.gpus_per_replica, compiled=compiled),
        weights=catalog.weights_seconds(model.checkpoint, machine.network_mbps, model.copies),
    )


def node_seconds(cluster: ClusterSpec) -> float:
    """From asking for a node until it has booted and has the image."""
    return catalog.timing(cluster.catalogue).boot_seconds + pull_seconds(cluster)


def pull_seconds(cluster: ClusterSpec) -> float:
    """What a new node takes to pull the image; nothing where it comes with it."""
    return 0.0 if cluster.image_on_nodes else catalog.timing(cluster.catalogue).image_pull_seconds


def budget_seconds(model: ModelSpec, accelerator: str, network_mbps: int | None = None) -> int:
    """From container start until Ready at the latest; a whole number of probe periods."""
    predicted = predicted_seconds(model, accelerator, network_mbps)
    wide = max(SHORTEST_BUDGET_SECONDS, predicted * SAFETY_FACTOR)
    return probe_failures(model.startup_budget_seconds or wide) * PROBE_PERIOD_SECONDS


def predicted_seconds(model: ModelSpec, accelerator: str, network_mbps: int | None = None) -> float:
    """From container start until Ready, of a replica that finds nothing compiled."""
    engine = catalog.engine_seconds(accelerator, model.gpus_per_replica)
    return engine + catalog.weights_seconds(model.checkpoint, network_mbps, model.copies)


def loading_seconds(model: ModelSpec, accelerator: str, network_mbps: int | None = None) -> int:
    """How long nothing moves a replica that has only begun to load: as predicted, and no longer.

    Karpenter drains no pod with that annotation, not even when the machine is about to be reclaimed.
    Past its load a replica holds answers, and must go in time.
    """
    return math.ceil(predicted_seconds(model, accelerator, network_mbps))


def probe_failures(seconds: float) -> int:
    """Failed startup probes that fill this time."""
    return math.ceil(seconds / PROBE_PERIOD_SECONDS)


def engine_ready_seconds(budget: int) -> int:
    """``VLLM_ENGINE_READY_TIMEOUT_S``: vLLM gives up by itself after ten minutes unless it is raised."""
    return max(_ENGINE_READY_DEFAULT_SECONDS, budget)


def progress_deadline_seconds(budget: int) -> int:
    """How long a rollout may stand still: one node and one replica."""
    return NODE_ALLOWANCE_SECONDS + budget + MIN_READY_SECONDS


def rollout_seconds(model: ModelSpec, budget: int) -> int:
    """How long Pulumi waits for a rollout of the minimum of replicas, one at least, one after the other.

    A rollout that meets more replicas may outlast it: Pulumi then reports an error, and the rollout goes on.
    """
    return max(1, model.replicas.min) * progress_deadline_seconds(budget)
