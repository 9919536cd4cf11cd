"""The cost envelope: sums by hand, what is in it, and agreement with what the clouds' code asks for."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings

from elastic_vllm import catalog
from elastic_vllm.clouds.aws import billing as aws_billing
from elastic_vllm.clouds.gcp import billing as gcp_billing
from elastic_vllm.estimate.cost import NOTHING, Nodes, envelope, node_price
from elastic_vllm.estimate.packing import nodes_for
from elastic_vllm.estimate.placement import SYSTEM_MEMORY_MIB, machine_of, placed
from elastic_vllm.simulate.forecast import Conditions
from elastic_vllm.stack_file.config import StackConfig, parse, read_stack_file
from elastic_vllm.testing.values import items, mapping
from elastic_vllm.vllm import pod
from tests.aws import STACKS as AWS_STACKS
from tests.aws import recorded
from tests.gcp import STACKS as GCP_STACKS
from tests.gcp import build
from tests.strategies import stacks

STACKS = Path(__file__).parents[2] / "stacks"
FP8 = "Qwen/Qwen3-VL-8B-Instruct-FP8"
AWS = {"cloud": "aws", "region": "us-east-1"}


def stack(
    cluster: Mapping[str, object], pool: Mapping[str, object], *models: Mapping[str, object]
) -> StackConfig:
    return parse({"cluster": cluster, "pools": [{"name": "gpu", **pool}], "models": list(models)})


def model(name: str = "chat", **keys: object) -> dict[str, object]:
    small = {"cpu": 2, "memoryGib": 8}
    return {"name": name, "checkpoint": FP8, "pool": "gpu", "resources": small, **keys}


def test_the_rates_of_a_pool_are_its_nodes_times_machine_and_disk() -> None:
    pool = {"accelerator": "a10g", "minNodes": 1, "maxNodes": 3}
    found = envelope(stack(AWS, pool, model(replicas={"min": 2, "max": 9})))
    (gpu,) = found.pools
    disk = 24 * 0.08 / 730  # beside its own NVMe disks
    assert gpu.nodes == Nodes(zero=1, min=2, max=3)
    assert gpu.rates.max.on_demand == pytest.approx(3 * (1.006 + disk))
    spot = 1.006 * 0.38  # as the table has it for the region; the floor is bought on demand
    assert gpu.rates.max.spot == pytest.approx(1.006 + 2 * spot + 3 * disk)
    assert gpu.rates.zero.month.on_demand == pytest.approx(730 * (1.006 + disk))
    (chat,) = found.models
    assert chat.nodes == Nodes(zero=0, min=2, max=3)
    assert chat.rates.zero == NOTHING


def test_warm_headroom_is_paid_whether_replicas_run_or_not() -> None:
    pool = {"accelerator": "a10g", "maxNodes": 4}
    found = envelope(stack(AWS, pool, model(replicas={"min": 1, "max": 9}, headroom=2)))
    assert found.models[0].nodes == found.pools[0].nodes == Nodes(zero=2, min=3, max=4)


def test_a_group_is_paid_for_all_of_its_nodes() -> None:
    pool = {"accelerator": "l40s", "gpusPerNode": 4, "maxNodes": 4}
    two = model(gpusPerReplica=8, nodesPerReplica=2, replicas={"min": 1, "max": 2})
    found = envelope(stack(AWS, pool, two | {"checkpoint": "Qwen/Qwen3-VL-32B-Instruct"}))
    assert found.models[0].nodes == found.pools[0].nodes == Nodes(zero=0, min=2, max=4)


def test_the_fixed_part_of_eks_is_control_plane_system_nodes_and_the_way_out() -> None:
    found = envelope(stack(AWS | {"network": {"nat": "per-zone"}}, {"accelerator": "l4", "maxNodes": 1}))
    nodes = 2 * (0.1008 + 104 * 0.08 / 730)
    assert found.fixed_usd_per_hour == pytest.approx(0.10 + nodes + 3 * (0.045 + 0.005) + 6 * 0.01)
    assert found.total.zero.on_demand == pytest.approx(found.fixed_usd_per_hour)


def test_a_simulated_cluster_has_no_fixed_part_and_says_that_nothing_is_billed() -> None:
    found = envelope(stack({"cloud": "local"}, {"accelerator": "a10g", "maxNodes": 1}, model()))
    assert (found.fixed, found.region) == ((), None)
    assert "simulated" in found.excluded[0]
    assert found.total.max.on_demand == pytest.approx(1.006)


@pytest.mark.parametrize(("capacity", "share"), [("on-demand", 1), ("spot-then-on-demand", 1), ("spot", 0.5)])
def test_what_is_declared_is_the_dearest_that_the_pool_may_buy(capacity: str, share: float) -> None:
    pool = {"accelerator": "a10g", "maxNodes": 2, "capacity": capacity}
    found = envelope(stack({"cloud": "local"}, pool, model(replicas={"max": 2})))
    assert found.declared_max == pytest.approx(2 * 1.006 * share)


def test_reserved_machines_are_billed_whether_they_run_or_not() -> None:
    reserved = {"capacity": "reserved", "reservation": {"name": "cr-0123456789abcdef0", "zone": "us-east-1a"}}
    found = envelope(stack({"cloud": "local"}, {"accelerator": "a10g", "maxNodes": 3, **reserved}, model()))
    assert found.total.zero == found.total.max
    assert found.total.zero.spot == pytest.approx(3 * 1.006)
    assert found.pools[0].nodes.zero == 0


def test_a_machine_without_a_price_is_named_and_counts_as_nothing() -> None:
    pool = {"accelerator": "h200", "gpusPerNode": 8, "machine": "p5e.48xlarge", "maxNodes": 1}
    found = envelope(stack({"cloud": "local"}, pool, model()))
    assert found.unpriced == ("p5e.48xlarge",)
    assert found.total.max == NOTHING
    system = stack(AWS | {"systemMachine": "c7i.large"}, {"accelerator": "l4", "maxNodes": 1})
    assert envelope(system).unpriced == ("c7i.large",)


def test_models_share_what_is_left_of_each_others_nodes() -> None:
    pool = {"accelerator": "l4", "gpusPerNode": 4, "maxNodes": 9}
    both = stack({"cloud": "local"}, pool, model(replicas={"min": 5}), model("docs", replicas={"min": 3}))
    chat, docs = placed(both)
    assert nodes_for([(chat, 5)]) == 2
    assert nodes_for([(chat, 5), (docs, 3)]) == 2
    assert nodes_for([(chat, 5), (docs, 4)]) == 3
    assert envelope(both).pools[0].nodes.min == 2


def test_replicas_that_fill_a_node_to_its_last_mebibyte_share_it() -> None:
    pool = {"accelerator": "l4", "gpusPerNode": 4, "maxNodes": 9}
    machine = catalog.machine_for("aws", "l4", 4)
    half = (machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB) / 2 / 1024
    (chat, docs), (wide, _) = (
        placed(stack({"cloud": "local"}, pool, model(resources=asked), model("docs", resources=asked)))
        for asked in ({"cpu": 2, "memoryGib": half}, {"cpu": 2, "memoryGib": half + 1 / 1024})
    )
    assert nodes_for([(chat, 1), (docs, 1)]) == 1
    assert nodes_for([(wide, 1), (docs, 1)]) == 2


@pytest.mark.parametrize("name", ["aws-prod", "gcp-dev", "local"])
def test_plan_and_forecast_pay_the_same_for_a_node(name: str) -> None:
    config = parse(read_stack_file(STACKS / f"Pulumi.{name}.yaml"))
    pools = {pool.name: pool for pool in envelope(config).pools}
    for served in config.models:
        paid = pools[served.pool].declared(pools[served.pool].node)
        assert Conditions.of(config, served).usd_per_node_hour == paid


def test_a_node_costs_its_disks_too_and_no_discount_on_them() -> None:
    disk = 24 * 0.08 / 730  # beside its own NVMe disks
    for capacity, bare in (("on-demand", 1.006), ("spot-then-on-demand", 1.006), ("spot", 1.006 * 0.38)):
        config = stack(AWS, {"accelerator": "a10g", "maxNodes": 3, "capacity": capacity}, model())
        (at,) = placed(config)
        assert node_price(config, at.pool, at.machine) == pytest.approx(bare + disk)


def test_a_snapshot_hides_a_machines_own_disks_and_the_volume_is_billed() -> None:
    preloaded = {**AWS, "imageSnapshot": "snap-0123456789abcdef0"}
    config = stack(preloaded, {"accelerator": "a10g", "maxNodes": 3}, model())
    (at,) = placed(config)
    disk = (204 * 0.08 + 375 * 0.04) / 730
    assert node_price(config, at.pool, at.machine) == pytest.approx(1.006 + disk)


def test_every_price_has_its_source_and_the_oldest_date_is_known() -> None:
    found = envelope(parse(read_stack_file(STACKS / "Pulumi.aws-prod.yaml")))
    told = {name for source in found.sources for name in source.prices}
    assert {"g6e.2xlarge", "p5.48xlarge", "nat-gateway", "disk-gib", "m7i.large"} <= told
    assert found.oldest == min(source.as_of for source in found.sources)


@settings(max_examples=60)
@given(stacks())
def test_the_bounds_of_any_stack_are_ordered_and_spot_is_never_dearer(config: StackConfig) -> None:
    found = envelope(config)
    total = found.total
    assert total.zero.on_demand <= total.min.on_demand <= total.max.on_demand
    assert all(rates.spot <= rates.on_demand for rates in (total.zero, total.min, total.max))
    assert total.max.spot - 1e-9 <= found.declared_max <= total.max.on_demand + 1e-9
    for pool in found.pools:
        alone = sum(item.nodes.max for item in found.models if item.pool == pool.name)
        assert pool.nodes.max <= max(alone, pool.nodes.zero)


def sizes(disks: object, volume: str, size: str) -> list[int]:
    """GiB of each volume of a machine."""
    volumes = [mapping(mapping(disk)[volume]) for disk in items(disks)]
    return [int(str(each[size]).removesuffix("Gi")) for each in volumes]


@pytest.mark.parametrize("name", AWS_STACKS)
def test_the_disks_in_the_bill_of_eks_are_those_that_the_program_registers(name: str) -> None:
    graph, config = recorded(name), parse(read_stack_file(STACKS / f"Pulumi.{name}.yaml"))
    fixed = config.cluster.bill().fixed
    classes = [item for item in graph if item.type.endswith(":EC2NodeClass")]
    assert len(classes) == len(config.pools)
    for item in classes:
        (pool,) = [pool for pool in config.pools if pool.name == mapping(item.inputs["metadata"])["name"]]
        billed = config.cluster.bill(machine_of(config, pool)).per_gpu_node
        disks = mapping(item.inputs["spec"])["blockDeviceMappings"]
        assert sum(sizes(disks, "ebs", "volumeSize")) == billed["disk-gib"]
        data = mapping(mapping(items(disks)[1])["ebs"])
        assert data.get("throughput", 125) == billed.get("disk-throughput", 0) + 125
    (template,) = graph.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    (group,) = graph.of_type("aws:eks/nodeGroup:NodeGroup")
    each = sum(sizes(template.inputs["blockDeviceMappings"], "ebs", "volumeSize"))
    assert each * int(str(mapping(group.inputs["scalingConfig"])["minSize"])) == fixed["disk-gib"]


@pytest.mark.parametrize("name", GCP_STACKS)
def test_the_disks_in_the_bill_of_gke_are_those_that_the_program_registers(name: str) -> None:
    config, graph = parse(read_stack_file(STACKS / f"Pulumi.{name}.yaml")), build(name)
    fixed = config.cluster.bill().fixed
    system = {"pd-balanced": fixed["pd-balanced"] / fixed["nat-machine"]}
    pools = [mapping(item.inputs["nodeConfig"]) for item in graph.of_type("gcp:container/nodePool:NodePool")]
    machines = [catalog.machines("gcp").get(str(node["machineType"])) for node in pools]
    assert machines.count(None) == 1
    for node, machine in zip(pools, machines, strict=True):
        units = config.cluster.bill(machine).per_gpu_node if machine else system
        assert node["diskSizeGb"] == units[str(node["diskType"])]


def test_machines_of_newer_families_boot_from_hyperdisk_and_only_the_g2_pays_for_its_own_disks() -> None:
    rows = catalog.machines("gcp").values()
    disks = {row.name.rpartition("-")[0]: gcp_billing.boot_disk(row) for row in rows}
    hyperdisk = {family for family, disk in disks.items() if disk == "hyperdisk-balanced"}
    assert hyperdisk == {"a3-ultragpu", "a4-highgpu", "g4-standard"}
    assert {row.name[:3] for row in rows if row.local_disk_extra} == {"g2-"}


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_a_nodes_disk_holds_the_image_and_the_caches_of_all_its_replicas(cloud: catalog.CloudName) -> None:
    unpacked_image, evicted_at = 30, 0.85
    boot = {"aws": aws_billing.GPU_DATA_GIB, "gcp": gcp_billing.GPU_DISK_GB}[cloud]
    for machine in catalog.machines(cloud).values():
        own = machine.local_disk_gb * 1e9 / 2**30
        caches = machine.gpus * (pod.CACHE_LIMIT_GIB + pod.TMP_LIMIT_GIB)
        assert unpacked_image + caches < min(own or boot, boot) * evicted_at, machine.name


@pytest.mark.parametrize("name", AWS_STACKS)
def test_what_is_billed_by_the_piece_is_what_the_program_registers(name: str) -> None:
    graph = recorded(name)
    cluster = parse(read_stack_file(STACKS / f"Pulumi.{name}.yaml")).cluster
    fixed = cluster.bill().fixed
    assert len(graph.of_type("aws:ec2/natGateway:NatGateway")) == fixed["nat-gateway"]
    assert len(graph.of_type("aws:ec2/eip:Eip")) == fixed["public-address"]
    endpoints = [item.inputs for item in graph.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")]
    zones = [len(items(inputs["subnetIds"])) for inputs in endpoints if "subnetIds" in inputs]
    assert sum(zones) == fixed["endpoint"]
