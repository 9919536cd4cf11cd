"""GPU pools on EKS: how their machines are made, and that a pod of a model always fits an empty node."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic_vllm import (
    Cluster,
    ClusterArgs,
    ClusterAutoscaler,
    ClusterAutoscalerArgs,
    GpuNodePool,
    GpuNodePoolArgs,
    labels,
)
from elastic_vllm.catalog import machines
from elastic_vllm.clouds import gpu_node, karpenter
from elastic_vllm.clouds.aws import image, rules
from elastic_vllm.clouds.aws.cloud import AwsCloud
from elastic_vllm.clouds.aws.node_pool import machine_spec
from elastic_vllm.spec import AwsCluster
from elastic_vllm.spec.finding import Finding, StackConfigError
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests import agreement
from tests.agreement import EmptyNode
from tests.aws import execute, recorded
from tests.manifests import inputs, model, pool
from tests.strategies import Raw, pools, served

CLUSTER = AwsCluster(cloud="aws", region="eu-central-1")
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"


def test_disks_are_large_and_encrypted_and_no_pod_reaches_the_metadata_service() -> None:
    without = machines("aws")["g6.xlarge"].model_copy(update={"local_disk_gb": 0})
    spec = machine_spec(CLUSTER, pool(), without)
    assert all(disk["ebs"]["encrypted"] for disk in spec["blockDeviceMappings"])  # type: ignore[attr-defined]  # JSON
    data = {disk["deviceName"]: disk["ebs"]["volumeSize"] for disk in spec["blockDeviceMappings"]}  # type: ignore[attr-defined]  # JSON
    assert data == {"/dev/xvda": "4Gi", "/dev/xvdb": "200Gi"}
    assert spec["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpProtocolIPv6": "disabled",
        "httpPutResponseHopLimit": 1,
        "httpTokens": "required",
    }


def test_local_disks_are_used_where_a_machine_has_some() -> None:
    with_disks = machines("aws")["g6.xlarge"]
    without = with_disks.model_copy(update={"local_disk_gb": 0})
    spec: Any = machine_spec(CLUSTER, pool(), with_disks)
    assert spec["instanceStorePolicy"] == "RAID0"
    beside = spec["blockDeviceMappings"][1]["ebs"]  # images and pods are on the machine's own
    assert (beside["volumeSize"], beside["encrypted"]) == ("20Gi", True)
    assert "throughput" not in beside
    assert "instanceStorePolicy" not in machine_spec(CLUSTER, pool(), without)


def test_images_are_fetched_and_unpacked_in_parallel_in_earnest() -> None:
    """The mode alone keeps containerd's defaults: three downloads of whole layers, one unpack at a time."""
    given: Any = machine_spec(CLUSTER, pool(), machines("aws")["g6.xlarge"])["userData"]
    soci = tomllib.loads(given)["settings"]["container-runtime-plugins"]["soci-snapshotter"]
    pace = soci[soci["pull-mode"]]
    assert pace["max-concurrent-downloads-per-image"] > 3
    assert pace["max-concurrent-unpacks-per-image"] > 1
    assert (pace["concurrent-download-chunk-size"], pace["discard-unpacked-layers"]) == ("16mb", True)


def test_every_pool_has_a_class_of_its_own_name_in_the_private_subnets() -> None:
    graph = recorded("aws-prod")
    zones = ("useast1a", "useast1b", "useast1c")
    for item in graph.of_type(NODE_POOL):
        ref = inputs(graph, item.name)["spec"]["template"]["spec"]["nodeClassRef"]
        assert (ref["group"], ref["kind"]) == ("karpenter.k8s.aws", "EC2NodeClass")
        spec = inputs(graph, f"{ref['name']}-nodes-class")["spec"]
        assert spec["subnetSelectorTerms"] == [{"id": f"subnet-clusterprivate{zone}"} for zone in zones]
        assert spec["securityGroupSelectorTerms"] == [{"id": "sg-0cluster"}]
        assert str(spec["instanceProfile"]).endswith("-autoscaler-node-profile")
        assert spec["associatePublicIPAddress"] is False


def test_the_image_is_pinned_and_brings_the_device_plugin_so_that_nobody_installs_another() -> None:
    graph = recorded("aws-prod")
    aliases = {
        inputs(graph, item.name)["spec"]["amiSelectorTerms"][0]["alias"] for item in graph.of_type(NODE_CLASS)
    }
    assert aliases == {image.ALIAS}
    assert image.ALIAS.startswith("bottlerocket@v")
    charts = [inputs(graph, item.name)["chart"] for item in graph.of_type("kubernetes:helm.sh/v3:Release")]
    assert sorted(chart.rpartition("/")[2] for chart in charts) == ["karpenter", "karpenter-crd"]


def test_gpus_that_the_image_cannot_drive_are_refused() -> None:
    (found,) = refused(accelerator="rtx-pro-4500")
    assert (found.id, found.key) == ("driver-too-old", "pools[0].accelerator")
    assert "rtx-pro-4500 needs NVIDIA driver 595" in found.message


def refused(**keys: object) -> list[Finding]:
    return list(rules.of_pool("pools[0]", CLUSTER, pool(**keys)))


HELD = {"name": "cr-0123456789abcdef0", "zone": "eu-central-1a"}


def test_a_pool_is_in_the_zones_that_it_chooses() -> None:
    chosen = {"name": "l4", "accelerator": "l4", "maxNodes": 2, "zones": ["eu-central-1b"]}
    graph = execute("aws-dev", pools=[chosen], models=[])
    rules = inputs(graph, "l4-nodes")["spec"]["template"]["spec"]["requirements"]
    assert {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-central-1b"]} in rules


def test_reserved_machines_come_from_their_reservation_and_from_nowhere_else() -> None:
    held = {"capacity": "reserved", "reservation": HELD, "accelerator": "h100", "gpusPerNode": 8}
    graph = execute("aws-dev", pools=[{"name": "p5", "maxNodes": 2, **held}], models=[])
    assert inputs(graph, "p5-nodes-class")["spec"]["capacityReservationSelectorTerms"] == [
        {"id": HELD["name"]}
    ]
    rules = inputs(graph, "p5-nodes")["spec"]["template"]["spec"]["requirements"]
    assert {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["reserved"]} in rules


@pytest.mark.parametrize(
    ("keys", "at", "says"),
    [
        ({"capacity": "flex-start"}, "pools[0].capacity", "use spot, or reserved with a capacity block"),
        (
            {"capacity": "reserved", "reservation": {**HELD, "name": "ours"}},
            "pools[0].reservation.name",
            "'ours' is not the id of a capacity reservation",
        ),
        (
            {"capacity": "reserved", "reservation": {**HELD, "zone": "eu-central-1x"}},
            "pools[0].reservation.zone",
            "eu-central-1x is not one of the cluster's zones (eu-central-1a,",
        ),
    ],
)
def test_a_way_of_buying_that_aws_lacks_is_refused_with_the_nearest(
    keys: dict[str, object], at: str, says: str
) -> None:
    (found,) = refused(**keys)
    assert found.key == at
    assert says in found.message


def test_a_program_without_a_stack_file_is_refused_the_same() -> None:
    def program() -> None:
        cluster = Cluster("cluster", ClusterArgs(cloud=AwsCloud(CLUSTER)))
        autoscaler = ClusterAutoscaler("autoscaler", ClusterAutoscalerArgs(cluster=cluster))
        GpuNodePool("l4", GpuNodePoolArgs(autoscaler=autoscaler, pool=pool(capacity="flex-start")))

    with pytest.raises(StackConfigError, match=r"pool.capacity \(l4\): AWS does not sell flex-start"):
        run(program, preview=True)


def test_images_are_pulled_side_by_side_or_are_there_already() -> None:
    machine = machines("aws")["g6.xlarge"]
    assert 'snapshotter = "soci"' in str(machine_spec(CLUSTER, pool(), machine)["userData"])
    preloaded = CLUSTER.model_copy(update={"image_snapshot": "snap-0123456789abcdef0"})
    spec = machine_spec(preloaded, pool(), machine)
    assert spec["blockDeviceMappings"][1]["ebs"]["snapshotID"] == "snap-0123456789abcdef0"  # type: ignore[index]  # JSON
    assert not {"userData", "instanceStorePolicy"} & set(spec)


def test_no_annotation_is_for_simulated_nodes() -> None:
    cloud = AwsCloud(AwsCluster(cloud="aws", region="eu-central-1"))
    assert cloud.pod_annotations(model(), pool()) == {}


# Node side and pod side, for any pool and any model that fits it.


@st.composite
def declared(draw: st.DrawFn) -> tuple[Raw, Raw]:
    shape, machine = draw(pools("gpus", "aws"))
    serving, nodes = draw(served("chat", shape, machine))
    shape["minNodes"] = draw(st.integers(0, 2))
    shape["maxNodes"] = nodes + draw(st.integers(2, 4))
    return shape, serving


def disagreements(graph: Graph) -> Iterator[str]:
    """Why a pod of the one model would not run on an empty node, or Karpenter not know that it would."""
    nodes = []
    for item in graph.of_type(NODE_POOL):
        spec = inputs(graph, item.name)["spec"]
        node = spec["template"]
        (name,) = next(
            rule["values"] for rule in node["spec"]["requirements"] if rule["key"].endswith("instance-type")
        )
        machine = machines("aws")[name]
        if "replicas" not in spec and gpu_node.GPU_RESOURCE not in spec["limits"]:
            yield f"limits {spec['limits']}"
        nodes.append(
            EmptyNode(
                labels=node["metadata"]["labels"],
                taints=node["spec"]["taints"],
                gpus=machine.gpus,
                machine=machine,
            )
        )
    yield from agreement.disagreements(graph, nodes)


@settings(max_examples=10)
@given(stack=declared())
def test_a_pod_fits_an_empty_node_of_its_pool_and_the_autoscaler_knows_it_from_zero(
    stack: tuple[Raw, Raw],
) -> None:
    shape, serving = stack
    everything = {"cloud": "aws", "region": "us-east-1"}  # sells every machine
    graph = execute("aws-dev", cluster=everything, pools=[shape], models=[serving])
    assert list(disagreements(graph)) == []
    bounds = [int(inputs(graph, item.name)["spec"]["limits"]["nodes"]) for item in graph.of_type(NODE_POOL)]
    assert sum(bounds) - bool(shape.get("minNodes")) == shape["maxNodes"]  # a floor has one more, to drift


@pytest.mark.parametrize("side", ["label", "taint", "resource"])
def test_one_side_alone_cannot_change(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    assert list(disagreements(recorded("aws-dev"))) == []
    if side == "label":
        node_template = karpenter.node_template
        monkeypatch.setattr(
            karpenter,
            "node_template",
            lambda pool, machine, ref: {
                **node_template(pool, machine, ref),
                "metadata": {"labels": {labels.POOL: "x"}},
            },
        )
    elif side == "taint":
        monkeypatch.setattr(
            karpenter, "GPU_TAINT", {"key": "gpu", "value": "present", "effect": "NoSchedule"}
        )
    else:
        monkeypatch.setattr(gpu_node, "placement", _another_resource(gpu_node.placement))
    assert list(disagreements(execute("aws-dev")))


def _another_resource(placement: Any) -> Any:  # Any: stands in for the function it wraps
    from dataclasses import replace  # noqa: PLC0415  # used here alone

    return lambda pool, cloud: replace(placement(pool, cloud), gpu_resource="example.invalid/gpu")
