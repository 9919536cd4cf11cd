"""Where a stack runs: a union with one member for each cloud, discriminated by ``cloud``.

Each member is the ``facts`` module of a cloud's folder, the one part of it that specs import.
"""

from typing import Annotated

from pydantic import Field

from elastic_vllm.clouds.aws.facts import AwsCluster
from elastic_vllm.clouds.gcp.facts import GcpCluster
from elastic_vllm.clouds.local.facts import LocalCluster

ClusterSpec = Annotated[LocalCluster | AwsCluster | GcpCluster, Field(discriminator="cloud")]
