"""The cloud a stack file names. Only that cloud's SDK is imported."""

from typing import assert_never

from elastic_vllm.clouds.base import Cloud, Placement
from elastic_vllm.spec import AwsCluster, ClusterSpec, GcpCluster, LocalCluster

__all__ = ["Cloud", "Placement", "cloud_for"]


def cloud_for(cluster: ClusterSpec) -> Cloud:
    """The cloud of ``cluster``; a member of the union without a case here is a type error."""
    match cluster:
        case LocalCluster():
            from elastic_vllm.clouds.local.cloud import LocalCloud  # noqa: PLC0415  # no other SDK is loaded

            return LocalCloud(cluster)
        case AwsCluster():
            from elastic_vllm.clouds.aws.cloud import AwsCloud  # noqa: PLC0415  # likewise

            return AwsCloud(cluster)
        case GcpCluster():
            from elastic_vllm.clouds.gcp.cloud import GcpCloud  # noqa: PLC0415  # likewise

            return GcpCloud(cluster)
        case _:
            assert_never(cluster)
