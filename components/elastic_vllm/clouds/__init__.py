"""The cloud a stack file names. Only that cloud's SDK is imported."""

from elastic_vllm.clouds.base import Cloud
from elastic_vllm.clouds.facts import ClusterFacts
from elastic_vllm.placement import Placement

__all__ = ["Cloud", "ClusterFacts", "Placement", "cloud_for"]


def cloud_for(cluster: ClusterFacts) -> Cloud:
    """The cloud of ``cluster``; a member of ``ClusterSpec`` that lacks a fact is a type error here."""
    return cluster.implementation()
