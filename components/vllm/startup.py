"""How long a replica may take to become Ready, and every limit that follows from it. Pure arithmetic.

Predictions rest on assumed figures of the catalogue, so budgets are a wide multiple: too small a budget kills
a replica that is loading, again and again; too large a one only reports a broken replica later.
"""

import math

from components import catalog
from components.spec import ModelSpec

SAFETY_FACTOR = 3
SHORTEST_BUDGET_SECONDS = 300
PROBE_PERIOD_SECONDS = 10
NODE_ALLOWANCE_SECONDS = 900
"""For a node to come and pull the image, before the container starts."""
MIN_READY_SECONDS = 10
"""A replica that dies right after it became Ready does not count as rolled out."""
_ENGINE_READY_DEFAULT_SECONDS = 600


def budget_seconds(model: ModelSpec, accelerator: str) -> int:
    """From container start until Ready at the latest; a whole number of probe periods."""
    wide = max(SHORTEST_BUDGET_SECONDS, predicted_seconds(model, accelerator) * SAFETY_FACTOR)
    return probe_failures(model.startup_budget_seconds or wide) * PROBE_PERIOD_SECONDS


def predicted_seconds(model: ModelSpec, accelerator: str) -> float:
    """From container start until Ready, as the catalogue predicts it."""
    return catalog.load_seconds(model.checkpoint, accelerator, model.gpus_per_replica)


def loading_seconds(model: ModelSpec, accelerator: str) -> int:
    """How long nothing moves a replica that has only begun to load: as predicted, and no longer.

    Karpenter drains no pod that it was told to leave alone, not even when the machine is about to be taken.
    Past its load a replica holds answers, and must go in time.
    """
    return math.ceil(predicted_seconds(model, accelerator))


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
