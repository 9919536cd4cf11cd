"""What can be declared: the pydantic models of a stack file's sections. Imports no Pulumi."""

from elastic_vllm.clouds.aws.facts import AwsCluster
from elastic_vllm.clouds.gcp.facts import GcpCluster
from elastic_vllm.clouds.local.facts import LocalCluster
from elastic_vllm.section import Name, Section
from elastic_vllm.spec.cluster import ClusterSpec
from elastic_vllm.spec.engine import CompileCacheSpec, EngineSpec
from elastic_vllm.spec.model import ModelSpec
from elastic_vllm.spec.pool import NodeAutoscalingSpec, NodePoolSpec, ReservationSpec
from elastic_vllm.spec.replica import DrainSpec, ReplicasSpec, ResourcesSpec, SamplingSpec, SloSpec
from elastic_vllm.spec.scaling import Behavior, Metric, PolicyStep, ScalingSpec

__all__ = [
    "AwsCluster",
    "Behavior",
    "ClusterSpec",
    "CompileCacheSpec",
    "DrainSpec",
    "EngineSpec",
    "GcpCluster",
    "LocalCluster",
    "Metric",
    "ModelSpec",
    "Name",
    "NodeAutoscalingSpec",
    "NodePoolSpec",
    "PolicyStep",
    "ReplicasSpec",
    "ReservationSpec",
    "ResourcesSpec",
    "SamplingSpec",
    "ScalingSpec",
    "Section",
    "SloSpec",
]
