"""Pulumi components that serve Qwen3-VL on vLLM on elastic GPUs.

A name is imported when it is first used, so that ``elastic_vllm.spec`` and ``elastic_vllm.catalog`` need no
Pulumi, and a program of one cloud needs the SDK of no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_snake

if TYPE_CHECKING:
    from elastic_vllm.clouds import Cloud, Placement, cloud_for
    from elastic_vllm.cluster import Cluster, ClusterArgs
    from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
    from elastic_vllm.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
    from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs
    from elastic_vllm.model_weights import ModelWeights, ModelWeightsArgs
    from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
    from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs
    from elastic_vllm.warm_headroom import WarmHeadroom, WarmHeadroomArgs

__version__ = "0.2.0"

__all__ = [
    "Cloud",
    "Cluster",
    "ClusterArgs",
    "ClusterAutoscaler",
    "ClusterAutoscalerArgs",
    "GpuNodePool",
    "GpuNodePoolArgs",
    "HpaPolicy",
    "HpaPolicyArgs",
    "ModelWeights",
    "ModelWeightsArgs",
    "Placement",
    "ServingNamespace",
    "ServingNamespaceArgs",
    "VllmDeployment",
    "VllmDeploymentArgs",
    "WarmHeadroom",
    "WarmHeadroomArgs",
    "__version__",
    "cloud_for",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    in_clouds = name in ("Cloud", "Placement", "cloud_for")
    module = "clouds" if in_clouds else to_snake(name.removesuffix("Args"))
    return getattr(import_module(f"{__name__}.{module}"), name)
