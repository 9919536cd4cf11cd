"""Label keys and the label sets of one model's objects. Imports no Pulumi."""

from collections.abc import Mapping

PREFIX = "elastic-vllm.dev"
POOL = f"{PREFIX}/pool"
"""On nodes: the pool they belong to."""
ACCELERATOR = f"{PREFIX}/accelerator"
"""On nodes: their GPU by its neutral name."""
CLIENT = f"{PREFIX}/client"
"""On pods, in any namespace, that may call the models: ``"true"``."""
DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
"""On pods: for how long from their start Karpenter does not move them, whatever happens to the node."""

_PART_OF = {"app.kubernetes.io/part-of": "elastic-vllm"}


def selector(model: str) -> Mapping[str, str]:
    """What tells one model's pods from others. A Deployment's selector is immutable: never extend it."""
    return {"app.kubernetes.io/instance": model, "app.kubernetes.io/name": "vllm"}


def labels(model: str) -> Mapping[str, str]:
    """What every object of one model carries."""
    return {**selector(model), **_PART_OF}


def placeholder(name: str) -> Mapping[str, str]:
    """What tells placeholder pods from others, a model's above all."""
    return {"app.kubernetes.io/instance": name, "app.kubernetes.io/name": "headroom"}


def shared() -> Mapping[str, str]:
    """What objects carry that belong to no single model."""
    return dict(_PART_OF)
