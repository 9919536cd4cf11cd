"""The embedded cluster's node autoscaler: Karpenter's node class, with the machine's boot as its delay."""

import re

import pytest

from elastic_vllm import catalog
from elastic_vllm.clouds import cloud_for
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from elastic_vllm.spec import LocalCluster
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests.manifests import inputs, names

pytestmark = pytest.mark.usefixtures("kubeconfig")


def declare(*, preview: bool = False, **cluster: object) -> Graph:
    def program() -> None:
        cloud = cloud_for(LocalCluster.model_validate({"cloud": "local", **cluster}))
        built = Cluster("cluster", ClusterArgs(cloud=cloud))
        ClusterAutoscaler("autoscaler", ClusterAutoscalerArgs(cluster=built))

    return run(program, preview=preview)


def test_the_node_class_is_a_child_of_the_component_under_the_name_that_pools_use() -> None:
    graph = declare()
    assert graph.named("autoscaler-node-class").parent == graph.named("autoscaler").urn
    assert inputs(graph, "autoscaler-node-class")["metadata"]["name"] == "embedded"
    assert inputs(graph, "autoscaler-node-class")["kind"] == "KWOKNodeClass"


@pytest.mark.parametrize("compression", [1, 7.5, 30, 100])
def test_nodes_boot_and_pull_in_the_catalogue_s_time_over_the_compression(compression: float) -> None:
    spec = inputs(declare(compression=compression), "autoscaler-node-class")["spec"]
    real = catalog.timing("aws").boot_seconds + catalog.timing("aws").image_pull_seconds
    assert spec == {"nodeRegistrationDelay": f"{round(real / compression)}s"}


@pytest.mark.parametrize("machines", ["aws", "gcp"])
def test_the_delay_has_the_form_that_the_crd_wants(machines: str) -> None:
    delay = inputs(declare(machines=machines), "autoscaler-node-class")["spec"]["nodeRegistrationDelay"]
    assert re.fullmatch(r"([0-9]+(s|m|h))+", delay)
    assert delay != "0s"


def test_a_preview_registers_the_same_names_as_an_update() -> None:
    assert names(declare(preview=True)) == names(declare())
