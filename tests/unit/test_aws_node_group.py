"""GPU pools on EKS as managed node groups: how they are made, and what cluster-autoscaler is told of them."""

import base64
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic_vllm.catalog import machines
from elastic_vllm.clouds import gpu_node
from elastic_vllm.clouds.aws import cluster_autoscaler, hints, node_group
from elastic_vllm.spec.finding import StackConfigError
from elastic_vllm.testing.registration import Graph
from tests import agreement
from tests.agreement import EmptyNode
from tests.aws import ASG_SUFFIX, MANAGED, drivable, execute, recorded, reviewed
from tests.manifests import FP8_8B, Golden, inputs, names, pool
from tests.strategies import Raw, pools, served

GROUP = "aws:eks/nodeGroup:NodeGroup"
TAG = "aws:autoscaling/tag:Tag"
HELD = {"name": "cr-0123456789abcdef0", "zone": "eu-central-1b"}


def planned(cluster: dict[str, object] | None = None, **keys: object) -> Graph:
    pool = {"name": "l4", "accelerator": "l4", "maxNodes": 4, **keys}
    return recorded("aws-dev", cluster={**MANAGED, **(cluster or {})}, pools=[pool], models=[])


def template(graph: Graph) -> Any:  # Any: inputs nest as deep as EC2 likes
    return inputs(graph, "l4-nodes-template")


def node_settings(graph: Graph) -> Any:  # Any: as above
    return tomllib.loads(base64.b64decode(template(graph)["userData"]).decode())["settings"]


def told(graph: Graph, group: str) -> dict[str, str]:
    """What the tags of the Auto Scaling group behind a node group say."""
    behind = f"eks-{group}-0123abc-{ASG_SUFFIX}"
    tags = [inputs(graph, item.name) for item in graph.of_type(TAG)]
    assert {tag["tag"]["propagateAtLaunch"] for tag in tags} == {False}
    return {tag["tag"]["key"]: tag["tag"]["value"] for tag in tags if tag["autoscalingGroupName"] == behind}


def test_the_graph_is_the_one_that_was_reviewed(golden: Golden) -> None:
    golden("aws-managed-groups.json", reviewed(recorded("aws-dev", cluster=MANAGED)))


def test_a_preview_registers_the_same_resources_as_an_update() -> None:
    update = recorded("aws-dev", cluster=MANAGED)
    assert names(execute("aws-dev", cluster=MANAGED, preview=True)) == names(update)


def test_nothing_of_karpenter_is_left() -> None:
    graph = planned()
    assert not [item.name for item in graph if "karpenter" in item.type or "karpenter" in item.name]
    assert not graph.of_type("aws:sqs/queue:Queue")


def test_a_pool_grows_from_its_floor_to_its_bound_and_its_live_size_is_nobodys_but_the_autoscalers() -> None:
    graph = planned(minNodes=1)
    group = inputs(graph, "l4-nodes")
    assert group["scalingConfig"] == {"desiredSize": 1, "minSize": 1, "maxSize": 4}
    assert {item.ignore_changes for item in graph.of_type(GROUP)} == {("scalingConfig.desiredSize",)}
    (system,) = recorded("aws-dev").of_type(GROUP)
    assert not system.ignore_changes


def test_an_empty_group_tells_the_autoscaler_what_its_nodes_would_be() -> None:
    graph = planned(gpusPerNode=4)
    group = inputs(graph, "l4-nodes")
    prefix = "k8s.io/cluster-autoscaler"
    said = told(graph, "l4-nodes")
    assert {
        key.removeprefix(f"{prefix}/node-template/label/"): value
        for key, value in said.items()
        if "/label/" in key
    } == group["labels"]
    (taint,) = group["taints"]
    assert taint["effect"] == "NO_SCHEDULE"
    assert said[f"{prefix}/node-template/taint/{taint['key']}"] == f"{taint['value']}:NoSchedule"
    assert said[f"{prefix}/node-template/resources/nvidia.com/gpu"] == "4"
    assert said[f"{prefix}/enabled"] == "true"
    assert said[f"{prefix}/elastic-vllm-aws-dev"] == "owned"


def test_the_hint_of_a_disk_is_what_pods_may_have_of_the_disk_that_is_there() -> None:
    key = f"{hints.PREFIX}/node-template/resources/ephemeral-storage"
    assert told(planned(), "l4-nodes")[key] == "197Gi"  # of the g6.xlarge's own 250 GB
    preloaded = planned({"imageSnapshot": "snap-0123456789abcdef0"})
    assert told(preloaded, "l4-nodes")[key] == "170Gi"  # of the volume's 200 GiB


def test_gpu_nodes_have_a_label_by_which_the_autoscaler_waits_for_their_gpus() -> None:
    assert inputs(planned(), "l4-nodes")["labels"]["k8s.amazonaws.com/accelerator"] == "l4"


def test_spot_then_on_demand_is_two_groups_of_the_same_nodes_and_spot_is_chosen_first() -> None:
    graph = planned(capacity="spot-then-on-demand", minNodes=1)
    spot, bought = inputs(graph, "l4-nodes-spot"), inputs(graph, "l4-nodes")
    assert (spot["capacityType"], bought["capacityType"]) == ("SPOT", "ON_DEMAND")
    assert (spot["scalingConfig"]["minSize"], spot["scalingConfig"]["maxSize"]) == (0, 3)
    assert (bought["scalingConfig"]["minSize"], bought["scalingConfig"]["maxSize"]) == (1, 4)
    for key in ("labels", "taints", "instanceTypes", "launchTemplate"):
        assert spot[key] == bought[key]
    assert told(graph, "l4-nodes-spot") == told(graph, "l4-nodes")


@pytest.mark.parametrize(
    ("group", "first"),
    [("l4-nodes-spot", True), ("l4-nodes", False), ("a-nodes-spot-nodes", False), ("cluster-system", False)],
)
def test_the_priorities_know_a_spot_group_by_the_name_that_eks_gives_it(group: str, first: bool) -> None:
    behind = f"eks-{group}-0123abc-{ASG_SUFFIX}"
    assert bool(re.search(cluster_autoscaler.SPOT_GROUPS, behind)) is first
    written = inputs(planned(), "autoscaler-cluster-autoscaler")["values"]["expanderPriorities"]
    assert written == f"10:\n  - .*\n20:\n  - {cluster_autoscaler.SPOT_GROUPS}\n"


def test_a_node_is_encrypted_keeps_its_metadata_to_itself_and_uses_its_own_disks() -> None:
    graph = planned()
    made = template(graph)
    assert [disk["ebs"]["encrypted"] for disk in made["blockDeviceMappings"]] == ["true", "true"]
    assert made["metadataOptions"] == {"httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert node_settings(graph)["container-runtime"]["snapshotter"] == "soci"
    (command,) = node_settings(graph)["bootstrap-commands"].values()
    assert command["commands"][0] == ["apiclient", "ephemeral-storage", "init"]


def test_a_snapshot_with_the_image_takes_the_place_of_pulling_it() -> None:
    graph = planned({"imageSnapshot": "snap-0123456789abcdef0"})
    data = template(graph)["blockDeviceMappings"][1]["ebs"]
    assert data["snapshotId"] == "snap-0123456789abcdef0"
    assert "encrypted" not in data
    assert "userData" not in template(graph)


def test_reserved_machines_come_from_their_reservation_in_its_zone() -> None:
    graph = planned(capacity="reserved", reservation=HELD)
    group = inputs(graph, "l4-nodes")
    assert template(graph)["capacityReservationSpecification"] == {
        "capacityReservationTarget": {"capacityReservationId": HELD["name"]}
    }
    assert group["subnetIds"] == ["subnet-clusterprivateeucentral1b"]
    assert (group["capacityType"], group["instanceTypes"]) == ("ON_DEMAND", ["g6.xlarge"])


def test_a_pool_is_in_the_zones_that_it_chooses() -> None:
    group = inputs(planned(zones=["eu-central-1b"]), "l4-nodes")
    assert group["subnetIds"] == ["subnet-clusterprivateeucentral1b"]


def test_a_capacity_block_is_named_to_eks_and_brings_its_machine_in_the_template() -> None:
    graph = planned(
        accelerator="h100", gpusPerNode=8, capacity="reserved", reservation={**HELD, "block": True}
    )
    group = inputs(graph, "l4-nodes")
    assert group["capacityType"] == "CAPACITY_BLOCK"
    assert "instanceTypes" not in group
    assert template(graph)["instanceType"] == "p5.48xlarge"
    assert template(graph)["instanceMarketOptions"] == {"marketType": "capacity-block"}


def test_an_update_needs_no_more_gpus_than_there_are() -> None:
    assert inputs(planned(), "l4-nodes")["updateConfig"] == {
        "maxUnavailable": 1,
        "updateStrategy": "MINIMAL",
    }


def test_the_chart_is_pinned_and_finds_this_clusters_groups() -> None:
    release = inputs(planned(), "autoscaler-cluster-autoscaler")
    assert (release["version"], release["values"]["image"]["tag"]) == ("9.59.0", "v1.36.1")
    assert release["values"]["autoDiscovery"] == {"clusterName": "elastic-vllm-aws-dev"}
    assert release["values"]["awsRegion"] == "eu-central-1"


def test_the_image_is_that_of_the_clusters_minor_version() -> None:
    older = inputs(planned({"kubernetes": "1.35"}), "autoscaler-cluster-autoscaler")
    assert older["values"]["image"]["tag"].startswith("v1.35.")
    with pytest.raises(StackConfigError, match=r"^cluster.kubernetes: 1.40 is not a version that"):
        planned({"kubernetes": "1.40"})


def test_the_stack_file_says_how_long_a_node_is_empty_before_it_goes() -> None:
    graph = execute("aws-dev", cluster=MANAGED, autoscaler={"consolidateAfterSeconds": 90})
    told_it = inputs(graph, "autoscaler-cluster-autoscaler")["values"]["extraArgs"]
    assert {told_it["scale-down-unneeded-time"], told_it["scale-down-delay-after-add"]} == {"90s"}


def test_a_replica_is_never_moved() -> None:
    pod = inputs(recorded("aws-dev", cluster=MANAGED), "chat-deployment")["spec"]["template"]
    assert pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    with pytest.raises(StackConfigError, match=r"^autoscaler.consolidation: cluster-autoscaler has no"):
        execute("aws-dev", cluster=MANAGED, autoscaler={"consolidation": "when-underutilized"})


def test_the_controller_resizes_this_clusters_groups_and_no_other() -> None:
    policy = json.loads(str(inputs(planned(), "autoscaler-controller-policy")["policy"]))
    (writing,) = [one for one in policy["Statement"] if one["Sid"] == "ScaleOwnedGroups"]
    assert writing["Condition"] == {
        "StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/elastic-vllm-aws-dev": "owned"}
    }
    bound = inputs(planned(), "cluster-node-autoscaler-identity")
    assert (bound["namespace"], bound["serviceAccount"]) == ("kube-system", "cluster-autoscaler")


# Node side and pod side, for any pool and any model that fits it. The node is what the tags tell of it.


@st.composite
def declared(draw: st.DrawFn) -> tuple[Raw, Raw]:
    shape, machine = draw(pools("gpus", "aws").filter(drivable))
    serving, nodes = draw(served("chat", shape, machine))
    shape["minNodes"] = draw(st.integers(0, 2))
    shape["maxNodes"] = nodes + draw(st.integers(2, 4))
    return shape, serving


def disagreements(graph: Graph) -> Iterator[str]:
    """Why a pod of the one model would not run on an empty node, or the tags tell something else of it."""
    nodes = []
    for item in graph.of_type(GROUP):
        if item.name == "cluster-system":
            continue
        group = inputs(graph, item.name)
        said = told(graph, item.name)
        hinted = _under("label/", said)
        if hinted != group["labels"]:
            yield f"the nodes have {group['labels']}, the tags say {hinted}"
        (kind,) = group["instanceTypes"]
        taints = [
            {"key": key, "value": value.partition(":")[0], "effect": value.partition(":")[2]}
            for key, value in _under("taint/", said).items()
        ]
        real = [{**taint, "effect": "NoSchedule"} for taint in group["taints"]]
        if taints != real:
            yield f"the nodes have {real}, the tags say {taints}"
        gpus = int(_under("resources/", said)[agreement.GPU])
        nodes.append(EmptyNode(labels=hinted, taints=taints, gpus=gpus, machine=machines("aws")[kind]))
    yield from agreement.disagreements(graph, nodes)


def _under(part: str, said: dict[str, str]) -> dict[str, str]:
    prefix = f"{hints.PREFIX}/node-template/{part}"
    return {key.removeprefix(prefix): value for key, value in said.items() if key.startswith(prefix)}


@settings(max_examples=5)
@given(stack=declared())
def test_a_pod_fits_an_empty_node_of_its_pool_and_the_autoscaler_knows_it_from_zero(
    stack: tuple[Raw, Raw],
) -> None:
    shape, serving = stack
    graph = execute("aws-dev", cluster=MANAGED, pools=[shape], models=[serving])
    assert list(disagreements(graph)) == []
    assert inputs(graph, "gpus-nodes")["scalingConfig"]["maxSize"] == shape["maxNodes"]


@pytest.mark.parametrize("side", ["hint", "taint", "pod"])
def test_one_side_alone_cannot_change(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    chat = {"name": "chat", "checkpoint": FP8_8B, "pool": "l4", "resources": {"cpu": 1, "memoryGib": 8}}
    stack = {
        "cluster": MANAGED,
        "pools": [{"name": "l4", "accelerator": "l4", "maxNodes": 10}],
        "models": [chat],
    }
    another = {"elastic-vllm.dev/pool": "another"}
    if side == "hint":
        tags = hints.tags
        changed_key = f"{hints.PREFIX}/node-template/label/elastic-vllm.dev/pool"
        monkeypatch.setattr(hints, "tags", lambda *of: {**tags(*of), changed_key: "another"})
    elif side == "taint":
        monkeypatch.setattr(node_group, "GPU_TAINT", {"key": "gpu", "value": "present"})
    else:
        changed = replace(gpu_node.placement(pool(), "aws"), node_selector=another)
        monkeypatch.setattr(gpu_node, "placement", lambda *_: changed)
    assert list(disagreements(execute("aws-dev", preview=False, **stack)))
