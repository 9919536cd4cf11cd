"""A pool as Karpenter sees it: one machine, from zero, bounded, tainted, and placement that leads there."""

from typing import Any

import pulumi
import pytest

from elastic_vllm.clouds import cloud_for
from elastic_vllm.cluster import Cluster, ClusterArgs
from elastic_vllm.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from elastic_vllm.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from elastic_vllm.spec import LocalCluster, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests.manifests import inputs, kubernetes, model, names, pool

pytestmark = pytest.mark.usefixtures("kubeconfig")

HELD = {"name": "cr-0123456789abcdef0", "zone": "eu-central-1a"}


def declare(
    spec: NodePoolSpec,
    *,
    machines: str = "aws",
    autoscaling: NodeAutoscalingSpec | None = None,
    preview: bool = False,
) -> Graph:
    def program() -> None:
        cloud = cloud_for(LocalCluster.model_validate({"cloud": "local", "machines": machines}))
        cluster = Cluster("cluster", ClusterArgs(cloud=cloud))
        args = ClusterAutoscalerArgs(cluster=cluster, spec=autoscaling or NodeAutoscalingSpec())
        grown = GpuNodePoolArgs(autoscaler=ClusterAutoscaler("autoscaler", args), pool=spec)
        built = GpuNodePool(spec.name, grown, pulumi.ResourceOptions(protect=True))
        pulumi.export("nodeGroup", built.node_group)

    return run(program, preview=preview)


def spec_of(graph: Graph, name: str = "l4-nodes") -> Any:
    return inputs(graph, name)["spec"]


def requirement(spec: Any, key: str) -> list[str]:
    (found,) = [item for item in spec["template"]["spec"]["requirements"] if item["key"] == key]
    assert found["operator"] == "In"
    values: list[str] = found["values"]
    return values


def test_the_cloud_resource_is_a_child_of_the_component_and_as_protected() -> None:
    graph = declare(pool())
    nodes = graph.named("l4-nodes")
    assert nodes.parent == graph.named("l4").urn
    assert graph.named("l4").type == "elastic-vllm:cluster:GpuNodePool"
    assert nodes.protect is True


def test_a_preview_registers_the_same_names_as_an_update() -> None:
    for spec in (pool(), pool(minNodes=2)):
        assert names(declare(spec, preview=True)) == names(declare(spec))


@pytest.mark.parametrize(
    ("machines", "keys", "machine"),
    [
        ("aws", {"accelerator": "a10g"}, "g5.xlarge"),
        ("aws", {"accelerator": "a10g", "gpusPerNode": 4}, "g5.12xlarge"),
        ("aws", {"accelerator": "a10g", "machine": "g5.2xlarge"}, "g5.2xlarge"),
        ("gcp", {"accelerator": "l4"}, "g2-standard-4"),
    ],
)
def test_a_pool_is_one_machine_shape(machines: str, keys: dict[str, object], machine: str) -> None:
    spec = spec_of(declare(pool(**keys), machines=machines))
    assert requirement(spec, "node.kubernetes.io/instance-type") == [machine]


def test_gpus_that_no_machine_carries_are_refused_with_what_exists() -> None:
    with pytest.raises(ValueError, match="a10g"):
        declare(pool(accelerator="a10g"), machines="gcp")


@pytest.mark.parametrize(
    ("capacity", "types"),
    [("on-demand", ["on-demand"]), ("spot", ["spot"]), ("spot-then-on-demand", ["on-demand", "spot"])],
)
def test_capacity_says_what_may_be_bought(capacity: str, types: list[str]) -> None:
    assert requirement(spec_of(declare(pool(capacity=capacity))), "karpenter.sh/capacity-type") == types


def test_a_pool_never_grows_past_its_bound() -> None:
    spec = spec_of(declare(pool(maxNodes=3, gpusPerNode=4)))
    assert spec["limits"] == {"nodes": "3", "nvidia.com/gpu": "12"}


def test_nodes_keep_everything_else_off_and_say_what_they_are() -> None:
    template = spec_of(declare(pool()))["template"]
    assert template["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    ]
    assert template["metadata"]["labels"] == {
        "elastic-vllm.dev/accelerator": "l4",
        "elastic-vllm.dev/pool": "l4",
        "nvidia.com/gpu.present": "true",
    }


def test_nothing_ends_a_node_past_its_pods_budgets() -> None:
    node = spec_of(declare(pool()))["template"]["spec"]
    assert node["expireAfter"] == "Never"
    assert "terminationGracePeriod" not in node


@pytest.mark.parametrize(
    ("consolidation", "policy"),
    [("when-empty", "WhenEmpty"), ("when-underutilized", "WhenEmptyOrUnderutilized")],
)
def test_nodes_are_given_back_as_the_stack_file_says(consolidation: str, policy: str) -> None:
    given = {"consolidation": consolidation, "consolidateAfterSeconds": 90}
    autoscaling = NodeAutoscalingSpec.model_validate(given)
    disruption = spec_of(declare(pool(), autoscaling=autoscaling))["disruption"]
    assert (disruption["consolidationPolicy"], disruption["consolidateAfter"]) == (policy, "90s")


def test_empty_nodes_go_at_once_and_nodes_with_replicas_one_by_one() -> None:
    budgets = spec_of(declare(pool()))["disruption"]["budgets"]
    assert budgets == [
        {"nodes": "100%", "reasons": ["Empty"]},
        {"nodes": "1", "reasons": ["Underutilized", "Drifted"]},
    ]


def test_a_pool_from_zero_is_one_object() -> None:
    graph = declare(pool())
    assert [item.name for item in kubernetes(graph) if item.parent == graph.named("l4").urn] == ["l4-nodes"]


def test_a_floor_is_a_static_pool_of_the_same_nodes_and_both_together_keep_the_bound() -> None:
    graph = declare(pool(minNodes=1, maxNodes=4))
    floor, elastic = spec_of(graph, "l4-nodes-floor"), spec_of(graph)
    assert floor["replicas"] == 1
    assert floor["limits"] == {"nodes": "2"}  # one more, or a changed template reaches no node of it
    assert floor["template"] == elastic["template"]
    assert elastic["limits"] == {"nodes": "3", "nvidia.com/gpu": "3"}
    assert inputs(graph, "l4-nodes-floor")["metadata"]["name"] == "l4.floor"


def test_a_floor_is_never_spot_where_on_demand_may_be_had() -> None:
    graph = declare(pool(minNodes=1, maxNodes=4, capacity="spot-then-on-demand"))
    floor, elastic = spec_of(graph, "l4-nodes-floor"), spec_of(graph)
    assert requirement(floor, "karpenter.sh/capacity-type") == ["on-demand"]
    assert requirement(elastic, "karpenter.sh/capacity-type") == ["on-demand", "spot"]
    spot = declare(pool(minNodes=1, maxNodes=4, capacity="spot"))
    assert requirement(spec_of(spot, "l4-nodes-floor"), "karpenter.sh/capacity-type") == ["spot"]


@pytest.mark.parametrize("keys", [{"capacity": "flex-start"}, {"capacity": "reserved", "reservation": HELD}])
def test_simulated_machines_stand_for_those_that_are_reserved_or_waited_for(keys: dict[str, object]) -> None:
    assert requirement(spec_of(declare(pool(**keys))), "karpenter.sh/capacity-type") == ["on-demand"]


def test_simulated_machines_are_in_zones_of_their_own() -> None:
    template = spec_of(declare(pool(zones=["eu-west-1b"])))["template"]
    assert "zone" not in str(template["spec"]["requirements"])


def test_placement_leads_to_the_pools_nodes_and_past_their_taint() -> None:
    cloud = cloud_for(LocalCluster(cloud="local"))
    spec = pool(name="chat-pool")
    placement = cloud.placement(spec)
    node = spec_of(declare(spec), "chat-pool-nodes")["template"]
    assert placement.node_selector.items() <= node["metadata"]["labels"].items()
    (taint,), (toleration,) = node["spec"]["taints"], placement.tolerations
    assert (toleration["key"], toleration["effect"]) == (taint["key"], taint["effect"])
    assert toleration["operator"] == "Exists"
    assert placement.accelerator == "l4"


def test_simulated_pods_load_as_long_as_predicted_over_the_compression() -> None:
    key = "elastic-vllm.dev/load-seconds"
    predicted = cloud_for(LocalCluster(cloud="local")).pod_annotations(model(), pool())
    assert 0 < int(predicted[key]) < 300
    quick = cloud_for(LocalCluster(cloud="local", compression=10)).pod_annotations(model(), pool())
    assert int(quick[key]) == pytest.approx(int(predicted[key]) / 10, abs=0.6)
