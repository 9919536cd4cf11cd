"""Asks the stack's cloud what it would refuse."""

from collections.abc import Iterator
from typing import assert_never

from elastic_vllm.clouds.aws import rules as aws
from elastic_vllm.clouds.gcp import rules as gcp
from elastic_vllm.clouds.local import rules as local
from elastic_vllm.rules.view import View
from elastic_vllm.spec import AwsCluster, GcpCluster, LocalCluster
from elastic_vllm.spec.finding import Finding


def the_cloud_takes_the_stack(view: View) -> Iterator[Finding]:
    """What the cloud would refuse while resources are made."""
    match view.config.cluster:
        case LocalCluster() as cluster:
            yield from local.check(cluster, view.config)
        case AwsCluster() as cluster:
            yield from aws.check(cluster, view.config)
        case GcpCluster() as cluster:
            yield from gcp.check(cluster, view.config)
        case cluster:
            assert_never(cluster)
