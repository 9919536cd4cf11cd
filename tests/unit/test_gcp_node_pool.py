"""GPU pools as GKE node pools, and that a model's pods and its pool's nodes are made for each other."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic_vllm.catalog import machine_for, machines
from elastic_vllm.clouds.gcp import node_pool, rules
from elastic_vllm.clouds.gcp import placement as placements
from elastic_vllm.clouds.gcp.cloud import GcpCloud
from elastic_vllm.clouds.gcp.node_pool import initial_count
from elastic_vllm.spec import ModelSpec, NodeAutoscalingSpec, NodePoolSpec
from elastic_vllm.spec.finding import Finding, StackConfigError
from elastic_vllm.testing.registration import Graph
from tests import agreement
from tests.agreement import EmptyNode
from tests.gcp import build, cluster, declare, recorded
from tests.manifests import inputs, model, pool
from tests.strategies import Raw, pools, served

NODE_POOL = "gcp:container/nodePool:NodePool"
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def gpu_pools(graph: Graph) -> list[Any]:  # Any: inputs nest as deep as Google likes
    return [inputs(graph, item.name) for item in graph.of_type(NODE_POOL) if item.name != "cluster-system"]


def refused(**keys: object) -> list[Finding]:
    shape = pool(**keys)
    return list(rules.of_pool("pools[0]", cluster(), shape, f"{shape.name}-nodes"))


def planned(**keys: object) -> Any:
    (only,) = gpu_pools(declare(cluster(), pool(**keys)))
    return only


def test_a_pool_is_one_machine_type_with_its_gpus_and_their_newest_driver() -> None:
    config = planned(gpusPerNode=4)["nodeConfig"]
    assert config["machineType"] == machine_for("gcp", "l4", 4).name == "g2-standard-48"
    assert config["guestAccelerators"] == [
        {"type": "nvidia-l4", "count": 4, "gpuDriverInstallationConfig": {"gpuDriverVersion": "LATEST"}}
    ]
    assert config["gcfsConfig"] == config["gvnic"] == {"enabled": True}


def test_a_pool_never_grows_past_its_bound_and_comes_from_where_there_are_gpus() -> None:
    assert planned(minNodes=1, maxNodes=7)["autoscaling"] == {
        "totalMinNodeCount": 1,
        "totalMaxNodeCount": 7,
        "locationPolicy": "ANY",
    }


def test_an_upgrade_needs_no_more_gpus_than_there_are() -> None:
    assert planned()["upgradeSettings"] == {"strategy": "SURGE", "maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize(
    ("keys", "disks", "boot"),
    [
        ({"accelerator": "l4"}, 1, "pd-balanced"),
        ({"accelerator": "a100-40"}, None, "pd-balanced"),
        ({"accelerator": "h100", "gpusPerNode": 8}, 16, "pd-balanced"),
        ({"accelerator": "h200", "gpusPerNode": 8, "capacity": "spot"}, 32, "hyperdisk-balanced"),
        ({"accelerator": "rtx-pro-6000"}, 4, "hyperdisk-balanced"),
    ],
)
def test_a_node_has_the_disks_that_its_machine_can_have(
    keys: dict[str, object], disks: int | None, boot: str
) -> None:
    config = planned(**keys)["nodeConfig"]
    local = config.get("ephemeralStorageLocalSsdConfig", {})
    assert (local.get("localSsdCount"), config["diskType"]) == (disks, boot)


def test_spot_nodes_are_asked_for_and_end_as_slowly_as_they_may() -> None:
    spot, bought = planned(capacity="spot")["nodeConfig"], planned()["nodeConfig"]
    assert spot["spot"] is True
    assert spot["kubeletConfig"]["shutdownGracePeriodSeconds"] == 120
    assert "spot" not in bought
    assert "shutdownGracePeriodSeconds" not in bought["kubeletConfig"]


def test_spot_then_on_demand_is_two_node_pools_of_the_same_nodes_and_the_floor_is_no_spot() -> None:
    graph = declare(cluster(), pool(capacity="spot-then-on-demand", minNodes=1, maxNodes=5))
    spot, bought = inputs(graph, "l4-nodes-spot"), inputs(graph, "l4-nodes")
    assert (spot["autoscaling"]["totalMinNodeCount"], spot["autoscaling"]["totalMaxNodeCount"]) == (0, 4)
    assert (bought["autoscaling"]["totalMinNodeCount"], bought["autoscaling"]["totalMaxNodeCount"]) == (1, 5)
    for key in ("labels", "taints", "machineType", "guestAccelerators"):
        assert spot["nodeConfig"][key] == bought["nodeConfig"][key]
    assert (spot["nodeConfig"].get("spot"), bought["nodeConfig"].get("spot")) == (True, None)


def test_a_pool_that_is_all_floor_has_no_spot_nodes() -> None:
    graph = declare(cluster(), pool(capacity="spot-then-on-demand", minNodes=3, maxNodes=3))
    assert len(gpu_pools(graph)) == 1


@pytest.mark.parametrize("capacity", ["on-demand", "spot-then-on-demand"])
def test_machines_that_are_not_sold_on_demand_are_refused_with_what_to_write(capacity: str) -> None:
    (found,) = refused(accelerator="h100", capacity=capacity)
    assert (found.id, found.severity, found.key) == ("not-on-demand", "error", "pools[0].capacity")
    assert found.message.startswith("a3-highgpu-1g is not sold on demand; use capacity: spot")


def test_reserved_machines_come_from_their_reservation_in_its_zone() -> None:
    graph = declare(
        cluster(zones=["europe-west4-a", "europe-west4-b"]),
        pool(capacity="reserved", reservation={"name": "ours", "zone": "europe-west4-b"}, minNodes=1),
    )
    (only,) = gpu_pools(graph)
    assert only["nodeLocations"] == ["europe-west4-b"]
    assert only["initialNodeCount"] == 1
    assert only["nodeConfig"]["reservationAffinity"] == {
        "consumeReservationType": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": ["ours"],
    }


def test_a_pool_is_in_the_zones_that_it_chooses_and_its_floor_is_divided_among_them() -> None:
    zones = [f"europe-west4-{letter}" for letter in "abc"]
    chosen = pool(zones=[zones[2], zones[1]], minNodes=4, capacity="spot-then-on-demand", maxNodes=8)
    spot, ordinary = gpu_pools(declare(cluster(zones=zones, regional=True), chosen))
    for found in (spot, ordinary):
        assert found["nodeLocations"] == zones[1:]
    assert ordinary["initialNodeCount"] == 2


def test_flex_start_machines_wait_their_turn_and_are_not_repaired() -> None:
    only = planned(accelerator="h200", gpusPerNode=8, capacity="flex-start")
    config = only["nodeConfig"]
    assert (config["flexStart"], config["maxRunDuration"]) == (True, "604800s")
    assert config["reservationAffinity"] == {"consumeReservationType": "NO_RESERVATION"}
    assert only["management"]["autoRepair"] is False
    assert planned()["management"]["autoRepair"] is True


@pytest.mark.parametrize(
    ("keys", "at", "says"),
    [
        ({"capacity": "flex-start", "minNodes": 1}, "pools[0].minNodes", "taken back after seven days"),
        (
            {"capacity": "reserved", "reservation": {"name": "r", "zone": "europe-west4-c"}},
            "pools[0].reservation.zone",
            "europe-west4-c is not one of the cluster's zones (europe-west4-b)",
        ),
        (
            {"zones": ["europe-west4-b", "europe-west4-c"]},
            "pools[0].zones[1]",
            "europe-west4-c is not one of the cluster's zones (europe-west4-b)",
        ),
        (
            {"capacity": "reserved", "reservation": {"name": "r", "zone": "europe-west4-b", "block": True}},
            "pools[0].reservation.block",
            "no capacity blocks; use a future reservation",
        ),
    ],
)
def test_a_way_of_buying_that_google_lacks_is_refused_with_the_nearest(
    keys: dict[str, object], at: str, says: str
) -> None:
    (found,) = refused(**keys)
    assert found.key == at
    assert says in found.message


def test_a_program_without_a_stack_file_is_refused_the_same() -> None:
    with pytest.raises(StackConfigError, match=r"pool.minNodes \(l4\): 1 with capacity: flex-start"):
        declare(cluster(), pool(capacity="flex-start", minNodes=1))


def test_a_disk_with_the_image_on_it_is_a_second_boot_disk() -> None:
    image = "projects/acme-inference/global/images/vllm-0-33-0"
    (only,) = gpu_pools(declare(cluster(imageDisk=image), pool()))
    disks = [{"diskImage": image, "mode": "CONTAINER_IMAGE_CACHE"}]
    assert only["nodeConfig"]["secondaryBootDisks"] == disks
    assert "secondaryBootDisks" not in planned()["nodeConfig"]


def test_gpus_that_google_lacks_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="gcp has no machine with a10g; the nearest it has is l4"):
        declare(cluster(), pool(accelerator="a10g"))


def test_a_name_that_google_would_refuse_later_is_refused_at_once() -> None:
    assert gpu_pools(declare(cluster(), pool(name="p" * 26)))
    assert refused(name="p" * 26) == []
    (found,) = refused(name="p" * 27)
    assert (found.key, "which leaves 26" in found.message) == ("pools[0].name", True)
    (found,) = refused(name="p" * 22, capacity="spot-then-on-demand")
    assert "which leaves 21" in found.message
    assert refused(name="p" * 22, capacity="spot-then-on-demand", minNodes=4, maxNodes=4) == []


@pytest.mark.parametrize("capacity", ["on-demand", "spot-then-on-demand"])
def test_the_longest_name_that_is_let_through_is_the_longest_that_gke_takes(capacity: str) -> None:
    length = max(n for n in range(1, 41) if not refused(name="p" * n, capacity=capacity))
    graph = declare(cluster(), pool(name="p" * length, capacity=capacity))
    assert max(len(f"{item.name}-0123abc") for item in graph.of_type(NODE_POOL)) == 40


@pytest.mark.parametrize(
    ("zones", "bounds", "each"),
    [
        (1, (0, 4), 0),
        (1, (2, 4), 2),
        (3, (3, 12), 1),
        (3, (4, 12), 2),
        (3, (1, 2), 0),
        (3, (7, 8), 2),
        (2, (3, 4), 2),
    ],
)
def test_the_floor_is_there_at_the_start_unless_that_would_pass_the_ceiling(
    zones: int, bounds: tuple[int, int], each: int
) -> None:
    assert initial_count(zones, bounds) == each
    assert each * zones <= bounds[1]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"consolidation": "when-underutilized"}, "autoscaler.consolidation: when-underutilized does not"),
        ({"consolidateAfterSeconds": 60}, "autoscaler.consolidateAfterSeconds: GKE itself decides"),
    ],
)
def test_what_gke_s_autoscaler_cannot_do_is_refused_and_not_ignored(
    keys: dict[str, object], says: str
) -> None:
    with pytest.raises(StackConfigError, match=f"^{says}"):
        build("gcp-dev", autoscaler=keys)
    spec = NodeAutoscalingSpec.model_validate(keys)
    with pytest.raises(StackConfigError, match=f"^{says}"):
        declare(cluster(), autoscaling=spec)


# Node side and pod side, for any pool and any model that fits it.


@st.composite
def declared(draw: st.DrawFn) -> tuple[Raw, Raw]:
    shape, machine = draw(pools("gpus", "gcp"))
    if not machine.on_demand:
        shape["capacity"] = "spot"
    serving, nodes = draw(served("chat", shape, machine))
    shape["minNodes"] = draw(st.integers(0, 2))
    shape["maxNodes"] = nodes + draw(st.integers(2, 4))
    return shape, serving


def disagreements(graph: Graph) -> Iterator[str]:
    """Why a pod of the one model would not run on an empty node of its pool."""
    nodes = []
    for node in gpu_pools(graph):
        config = node["nodeConfig"]
        (gpus,) = config["guestAccelerators"]
        machine = machines("gcp")[config["machineType"]]
        if gpus["type"] != machine.accelerator_type:
            yield f"{gpus} are not those of {machine.name}"
        taints = [{**taint, "effect": EFFECTS[taint["effect"]]} for taint in config["taints"]]
        nodes.append(EmptyNode(labels=config["labels"], taints=taints, gpus=gpus["count"], machine=machine))
    yield from agreement.disagreements(graph, nodes)


@settings(max_examples=12)
@given(stack=declared())
def test_a_pod_fits_an_empty_node_of_its_pool_and_the_autoscaler_knows_it_from_zero(
    stack: tuple[Raw, Raw],
) -> None:
    shape, serving = stack
    graph = build("gcp-dev", pools=[shape], models=[serving])
    assert list(disagreements(graph)) == []
    spec = NodePoolSpec.model_validate(shape)
    bought = [node for node in gpu_pools(graph) if not node["nodeConfig"].get("spot")] or gpu_pools(graph)
    (bounds,) = [node["autoscaling"] for node in bought]
    assert (bounds["totalMinNodeCount"], bounds["totalMaxNodeCount"]) == (spec.min_nodes, spec.max_nodes)


@pytest.mark.parametrize("key", ["elastic-vllm.dev/pool", "nvidia.com/gpu"])
def test_one_side_alone_cannot_change(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    assert list(disagreements(recorded("gcp-dev"))) == []
    if key == "nvidia.com/gpu":
        monkeypatch.setattr(node_pool, "GPU_RESOURCE", "example.invalid/gpu")
    else:
        monkeypatch.setattr(node_pool, "node_labels", lambda _: {"elastic-vllm.dev/pool": "another"})
    spot, ordinary = disagreements(build("gcp-dev"))
    for found in (spot, ordinary):
        assert "is not tolerated" in found or "misses the labels" in found


def test_the_autoscaler_is_told_never_to_move_a_replica() -> None:
    served_model: ModelSpec = model()
    assert GcpCloud(cluster()).pod_annotations(served_model, pool()) == {placements.SAFE_TO_EVICT: "false"}
    template = inputs(recorded("gcp-dev"), "chat-deployment")["spec"]["template"]
    assert template["metadata"]["annotations"][placements.SAFE_TO_EVICT] == "false"
