"""How a pod gets onto the nodes of one pool of an EKS cluster."""

from collections.abc import Mapping

from components.clouds import karpenter
from components.clouds.base import Placement
from components.spec import ModelSpec, NodePoolSpec


def placement(pool: NodePoolSpec) -> Placement:
    """As on every cluster of Karpenter's."""
    return karpenter.placement(pool)


def pod_annotations(model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
    """None: Karpenter reads what every model's pods carry."""
    del model, pool
    return {}
