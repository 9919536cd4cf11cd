"""What can be declared: the pydantic models of a stack file's sections. Imports no Pulumi."""

from components.spec.base import Name, Section
from components.spec.cluster import AwsCluster, ClusterSpec, GcpCluster, LocalCluster
from components.spec.engine import CompileCacheSpec, EngineSpec
from components.spec.model import ModelSpec
from components.spec.pool import NodeAutoscalingSpec, NodePoolSpec, ReservationSpec
from components.spec.replica import DrainSpec, ReplicasSpec, ResourcesSpec, SamplingSpec, SloSpec
from components.spec.scaling import Behavior, Metric, PolicyStep, ScalingSpec

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
