"""A program without a stack file, on every cloud: what stands on a cluster is given that cluster by value."""

from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from elastic_vllm.clouds import cloud_for
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from elastic_vllm.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from elastic_vllm.model_weights import ModelWeights, ModelWeightsArgs
from elastic_vllm.spec import AwsCluster, ClusterSpec, LocalCluster
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph, Registration
from tests import aws, gcp
from tests.manifests import model, pool, strings

pytestmark = pytest.mark.usefixtures("kubeconfig")
CLUSTERS: Mapping[str, ClusterSpec] = {
    "aws": AwsCluster(cloud="aws", region="eu-west-1"),
    "aws-managed-groups": AwsCluster.model_validate(aws.MANAGED),
    "gcp": gcp.cluster(),
    "local": LocalCluster(cloud="local"),
}
each_cloud = pytest.mark.parametrize("which", CLUSTERS)
ANSWERS = {"aws": aws.answer, "gcp": gcp.answer, "local": None}
POOLS = ("l4", "more")


@cache
def foreign(which: str) -> Graph:
    """Two clusters of one cloud; two pools and the weights on the first, registered after the second."""

    spec = CLUSTERS[which]

    def program() -> None:
        cloud = cloud_for(spec)
        cluster, other = (Cluster(name, ClusterArgs(cloud=cloud)) for name in ("first", "second"))
        autoscaler = ClusterAutoscaler("first-autoscaler", ClusterAutoscalerArgs(cluster=cluster))
        ClusterAutoscaler("second-autoscaler", ClusterAutoscalerArgs(cluster=other))
        for name in POOLS:
            nodes = pool(name=name, minNodes=1, maxNodes=4)
            GpuNodePool(name, GpuNodePoolArgs(autoscaler=autoscaler, pool=nodes))
        ModelWeights("weights", ModelWeightsArgs(cluster=cluster, namespace="inference", models=[model()]))

    return run(program, provider=ANSWERS[spec.cloud])


def children(graph: Graph, *components: str) -> Iterator[Registration]:
    for name in components:
        yield from (item for item in graph if item.parent == graph.named(name).urn)


@each_cloud
def test_everything_is_on_the_cluster_that_it_was_given_and_not_on_the_last(which: str) -> None:
    graph = foreign(which)
    found = list(children(graph, "first-autoscaler", *POOLS, "weights"))
    assert {item.parent for item in found} >= {graph.named(name).urn for name in POOLS}
    for item in found:
        assert "::first-" in item.provider_urn
        seen = [*strings(item.inputs), *item.dependencies]
        assert not [text for text in seen if "second" in text]


@each_cloud
def test_pools_wait_for_their_autoscaler_and_the_options_need_not_say_so(which: str) -> None:
    graph = foreign(which)
    for name in POOLS:
        needs = {item.urn for item in children(graph, "first-autoscaler")}
        assert needs <= set(graph.named(name).dependencies)


def test_the_types_allow_no_other_order() -> None:
    """Mypy refuses each of these lines, and would refuse the ignore if it took one of them."""
    for spec in CLUSTERS.values():
        cloud = cloud_for(spec)
        with pytest.raises(AttributeError):
            _ = cloud.autoscaler  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            _ = cloud.node_pool  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="cluster"):
        ClusterAutoscalerArgs()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="autoscaler"):
        GpuNodePoolArgs(pool=pool())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="cluster"):
        ModelWeightsArgs(namespace="inference", models=[])  # type: ignore[call-arg]
