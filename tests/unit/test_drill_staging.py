"""Any stack, set up for a drill: on the embedded cluster, with all else as it was declared."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from elastic_vllm import catalog
from elastic_vllm.estimate.cost import envelope
from elastic_vllm.spec import LocalCluster
from elastic_vllm.stack_file.config import PROJECT, StackConfig, parse, read_stack_file
from fleet.deploy.program import StackRef
from fleet.drill.setting import Setting
from fleet.drill.staging import Stage, stage, stand_in_secrets
from fleet.errors import FleetError
from tests.manifests import FP8_8B

STACKS = Path(__file__).parents[2] / "stacks"
COMMITTED = sorted(path.name[7:-5] for path in STACKS.glob("Pulumi.*.yaml"))
CLUSTER = f"{PROJECT}:cluster"
GCP = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4"}
AWS = {"cloud": "aws", "region": "eu-central-1"}
TWO_POOLS = [
    {"name": "l4", "accelerator": "l4", "maxNodes": 4},
    {"name": "l40s", "accelerator": "l40s", "maxNodes": 4},
]


def as_declared(raw: dict[str, object], name: str = "mine") -> StackRef:
    config = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in raw.items()
    }
    return StackRef(
        name=name,
        program=lambda: None,
        kubeconfig=Path("kubeconfig"),
        home=Path("home"),
        config=config,
        secret_keys=(f"{PROJECT}:apiKeys",),
    )


def stack(cluster: Mapping[str, object], *models: Mapping[str, object]) -> dict[str, object]:
    chat = {"name": "chat", "checkpoint": FP8_8B, "pool": "l4"}
    pools = [{"name": "l4", "accelerator": "l4", "maxNodes": 4}]
    return {"cluster": cluster, "pools": pools, "models": [{**chat, **each} for each in models]}


def staged(raw: dict[str, object], model: str | None = None, compression: float = 1) -> Stage:
    return stage(as_declared(raw), parse(raw), model, compression)


def deployed(staged: Stage) -> StackConfig:
    """What the program reads once it runs as staged."""
    return parse(
        {
            key.removeprefix(f"{PROJECT}:"): value
            if key.endswith((":namespace", ":environment"))
            else json.loads(value)
            for key, value in staged.ref.config.items()
            if key.startswith(f"{PROJECT}:") and key not in staged.ref.secret_keys
        }
    )


@pytest.mark.parametrize("name", COMMITTED)
def test_every_committed_stack_goes_to_the_embedded_cluster_with_its_own_machines(name: str) -> None:
    raw = read_stack_file(STACKS / f"Pulumi.{name}.yaml")
    declared = parse(raw)
    result = staged(raw, compression=20)
    expected = LocalCluster(cloud="local", machines=declared.cluster.catalogue, compression=20)
    assert deployed(result) == declared.model_copy(update={"cluster": expected})
    assert result.setting.machine.name in catalog.machines(declared.cluster.catalogue)


def test_only_the_clusters_section_changes() -> None:
    raw = stack(GCP, {}) | {"namespace": "vision"}
    before = as_declared(raw)
    after = stage(before, parse(raw), None, 1).ref
    assert {key: value for key, value in after.config.items() if key != CLUSTER} == {
        key: value for key, value in before.config.items() if key != CLUSTER
    }
    assert (after.name, after.program, after.kubeconfig, after.home, after.secret_keys) == (
        before.name,
        before.program,
        before.kubeconfig,
        before.home,
        before.secret_keys,
    )
    assert json.loads(before.config[CLUSTER]) == GCP


def test_the_setting_is_the_stacks_own() -> None:
    setting = staged(stack(AWS, {}) | {"namespace": "vision"}).setting
    assert (setting.stack, setting.namespace, setting.model.name) == ("mine", "vision", "chat")
    assert setting.machine == catalog.machine_in(catalog.machine_for("aws", "l4", 1), str(AWS["region"]))


def test_a_machine_that_the_pool_names_is_the_one_that_is_drilled_on() -> None:
    raw = stack(AWS, {}) | {
        "pools": [{"name": "l4", "accelerator": "l4", "machine": "g6.4xlarge", "maxNodes": 4}]
    }
    assert staged(raw).setting.machine.name == "g6.4xlarge"


@pytest.mark.parametrize(
    ("cluster", "autoscaler"),
    [
        (AWS, "Karpenter"),
        ({"cloud": "local", "machines": "aws"}, "Karpenter"),
        ({**AWS, "nodeAutoscaler": "cluster-autoscaler"}, "Karpenter stand-in for cluster-autoscaler"),
        (GCP, "Karpenter stand-in for GKE's node autoscaler"),
        ({"cloud": "local", "machines": "gcp"}, "Karpenter stand-in for GKE's node autoscaler"),
    ],
)
def test_karpenter_in_the_place_of_another_is_called_a_stand_in(
    cluster: Mapping[str, object], autoscaler: str
) -> None:
    assert staged(stack(cluster, {})).setting.node_autoscaler == autoscaler


@pytest.mark.parametrize("cluster", [AWS, GCP, {"cloud": "local", "machines": "gcp", "compression": 7}])
def test_boot_and_load_take_the_catalogues_time_divided_by_the_compression(
    cluster: Mapping[str, object],
) -> None:
    cloud = parse(stack(cluster, {})).cluster.catalogue
    boot = catalog.timing(cloud).boot_seconds + catalog.timing(cloud).image_pull_seconds
    network = catalog.machine_for(cloud, "l4", 1).network_mbps
    load = catalog.engine_seconds("l4", 1) + catalog.weights_seconds(FP8_8B, network)
    for compression in (1, 10):
        result = staged(stack(cluster, {}), compression=compression)
        assert result.setting.boot_seconds == round(boot / compression)
        assert result.setting.load_seconds == round(load / compression)
        assert result.setting.compression == compression
        assert deployed(result).cluster == LocalCluster(
            cloud="local", machines=cloud, compression=compression
        )


def test_the_first_model_is_drilled_unless_another_is_named() -> None:
    raw = stack(AWS, {}, {"name": "caption", "pool": "l40s"}) | {"pools": TWO_POOLS}
    assert staged(raw).setting.model.name == "chat"
    assert staged(raw, "caption").setting.model.name == "caption"


def test_a_model_is_drilled_on_the_machines_of_its_own_pool() -> None:
    raw = stack(AWS, {}, {"name": "caption", "pool": "l40s"}) | {"pools": TWO_POOLS}
    assert staged(raw, "caption").setting.machine.accelerator == "l40s"


def test_a_model_that_the_stack_does_not_have_is_refused_and_those_it_has_are_named() -> None:
    with pytest.raises(FleetError, match="the stack has no model chta") as caught:
        staged(stack(AWS, {}, {"name": "caption"}), "chta")
    assert caught.value.next_step == "name one that it has: chat, caption"


@pytest.mark.parametrize("model", [None, "chat", "caption"])
def test_a_model_that_shares_its_pool_is_refused_with_all_that_share_it(model: str | None) -> None:
    alone = {"name": "alone", "pool": "l40s"}
    raw = stack(AWS, {}, {"name": "caption"}, alone) | {"pools": TWO_POOLS}
    with pytest.raises(
        FleetError, match="pool of the model's own; pool l4 is shared by chat, caption"
    ) as caught:
        staged(raw, model)
    assert "a pool to itself" in caught.value.next_step
    assert staged(raw, "alone").setting.model.name == "alone"


def test_a_stack_without_a_model_is_refused() -> None:
    with pytest.raises(FleetError, match="the stack has no model at all") as caught:
        staged(stack(AWS))
    assert caught.value.next_step == "name one that it has: none"


@pytest.mark.parametrize(
    ("gpus_per_replica", "replicas", "nodes"),
    [(1, 0, 0), (1, 1, 1), (1, 4, 1), (1, 5, 2), (2, 3, 2), (4, 3, 3)],
)
def test_replicas_are_packed_on_as_few_nodes_as_hold_them(
    gpus_per_replica: int, replicas: int, nodes: int
) -> None:
    raw = stack(AWS, {"gpusPerReplica": gpus_per_replica}) | {
        "pools": [{"name": "l4", "accelerator": "l4", "gpusPerNode": 4, "maxNodes": 4}]
    }
    setting: Setting = staged(raw).setting
    assert setting.nodes_for(replicas) == nodes


@pytest.mark.parametrize("cluster", [AWS, GCP])
def test_a_drill_pays_for_a_node_what_the_plan_does(cluster: Mapping[str, object]) -> None:
    raw = stack(cluster, {})
    (pool,) = envelope(parse(raw)).pools
    assert staged(raw).setting.usd_per_node_hour == pool.declared(pool.node)


@pytest.mark.parametrize(("replicas", "nodes"), [(0, 2), (1, 2), (8, 2), (9, 3)])
def test_a_pools_floor_is_always_there_and_holds_replicas(replicas: int, nodes: int) -> None:
    raw = stack(AWS, {}) | {
        "pools": [{"name": "l4", "accelerator": "l4", "gpusPerNode": 4, "minNodes": 2, "maxNodes": 4}]
    }
    assert staged(raw).setting.nodes_for(replicas) == nodes


def test_a_group_takes_all_of_its_nodes() -> None:
    group = {"checkpoint": "Qwen/Qwen3-VL-32B-Instruct", "gpusPerReplica": 8, "nodesPerReplica": 2}
    raw = stack(AWS, {**group, "replicas": {"min": 1, "max": 2}}) | {
        "pools": [{"name": "l4", "accelerator": "l4", "gpusPerNode": 4, "maxNodes": 4}]
    }
    setting = staged(raw).setting
    assert [setting.nodes_for(replicas) for replicas in (0, 1, 2)] == [0, 2, 4]
    assert setting.lingering_seconds == 15 + 120
    assert staged(stack(AWS, {})).setting.lingering_seconds == 0


def test_a_replica_that_leaves_gpus_over_is_not_split_over_two_nodes() -> None:
    raw = stack(AWS, {"gpusPerReplica": 2}) | {
        "pools": [{"name": "l4", "accelerator": "l4", "gpusPerNode": 4, "maxNodes": 4}]
    }
    assert staged(raw).setting.replicas_per_node == 2


@pytest.mark.parametrize("name", COMMITTED)
def test_a_drill_needs_no_real_api_key(name: str) -> None:
    config = parse(read_stack_file(STACKS / f"Pulumi.{name}.yaml"))
    asking = {model.name for model in config.models if model.require_api_key}
    given = stand_in_secrets(config)
    assert set(json.loads(given.pop(f"{PROJECT}:apiKeys", "{}"))) == asking
    assert set(given) == {f"{PROJECT}:hubToken"}
