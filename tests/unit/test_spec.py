"""The sections by themselves: defaults, bounds, presets, and the sums that follow from them."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from elastic_vllm import catalog
from elastic_vllm.spec import (
    AwsCluster,
    Behavior,
    DrainSpec,
    EngineSpec,
    GcpCluster,
    LocalCluster,
    ModelSpec,
    NodePoolSpec,
    PolicyStep,
    ReplicasSpec,
    ResourcesSpec,
    ScalingSpec,
    Section,
    SloSpec,
)
from elastic_vllm.spec.scaling import PRESETS
from elastic_vllm.spec.stack import StackConfig


def model(**changes: object) -> ModelSpec:
    given: dict[str, object] = {"name": "chat", "checkpoint": "Qwen/Qwen3-VL-8B-Instruct-FP8", "pool": "l4"}
    return ModelSpec.model_validate(given | changes)


def every_section(section: type[Section] = Section) -> list[type[Section]]:
    return [kind for child in section.__subclasses__() for kind in (child, *every_section(child))]


def test_every_key_says_what_it_is_for() -> None:
    sections = StackConfig.model_json_schema(by_alias=True)["$defs"]
    silent = [
        f"{section}.{key}"
        for section, declared in sections.items()
        for key, value in declared.get("properties", {}).items()
        if not value.get("description") and key != "cloud"
    ]
    assert silent == []


def test_no_section_takes_a_key_it_does_not_know_or_changes_after_loading() -> None:
    assert all(section.model_config["extra"] == "forbid" for section in every_section())
    with pytest.raises(ValidationError):
        model().replicas.min = 4  # type: ignore[misc]  # what is tested


def test_a_model_needs_only_its_name_checkpoint_and_pool() -> None:
    spec = model()
    assert spec.gpus_per_replica == 1
    assert (spec.replicas.min, spec.replicas.max) == (1, 10)
    assert spec.engine.max_model_len == 16_384
    assert spec.scaling.preset == "seed"


def test_the_seed_preset_is_the_policy_that_was_asked_for() -> None:
    scaling = model().scaling
    assert scaling.model_dump(exclude_none=True, by_alias=True) == {
        "preset": "seed",
        "metrics": ({"type": "Resource", "name": "cpu", "target": {"utilization": 70}},),
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": ({"type": "Pods", "value": 2, "periodSeconds": 30},),
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "selectPolicy": "Max",
            "policies": ({"type": "Pods", "value": 1, "periodSeconds": 60},),
        },
    }


def test_a_key_beside_the_preset_replaces_only_what_it_names() -> None:
    scaling = ScalingSpec.model_validate({"scaleDown": {"stabilizationWindowSeconds": 15}})
    assert scaling.scale_down.stabilization_window_seconds == 15
    assert scaling.scale_down.policies == (PolicyStep(type="Pods", value=1, period_seconds=60),)
    assert scaling.scale_up == ScalingSpec.model_validate({}).scale_up


def test_a_program_may_replace_a_side_of_the_preset_by_its_python_name() -> None:
    slow = Behavior(
        stabilization_window_seconds=5, policies=(PolicyStep(type="Percent", value=10, period_seconds=60),)
    )
    assert ScalingSpec.model_validate({"scale_up": slow}).scale_up == slow


def test_without_a_preset_every_part_is_required() -> None:
    with pytest.raises(ValidationError) as refused:
        ScalingSpec.model_validate({"preset": None})
    assert {error["loc"] for error in refused.value.errors()} == {("metrics",), ("scaleUp",), ("scaleDown",)}


def test_using_a_preset_leaves_the_preset_as_it_was() -> None:
    before = repr(PRESETS)
    ScalingSpec.model_validate({"scaleUp": {"selectPolicy": "Min"}})
    assert repr(PRESETS) == before


def test_a_drain_gives_the_pod_the_sum_of_its_parts() -> None:
    assert DrainSpec(propagation_seconds=5, finish_seconds=60, margin_seconds=7).grace_seconds == 72


@pytest.mark.parametrize(
    ("cluster", "catalogue"),
    [
        (LocalCluster(cloud="local"), "aws"),
        (LocalCluster(cloud="local", machines="gcp"), "gcp"),
        (AwsCluster(cloud="aws", region="eu-central-1"), "aws"),
        (GcpCluster(cloud="gcp", project="acme-inference", region="europe-west4"), "gcp"),
    ],
)
def test_a_cluster_knows_whose_machines_its_nodes_are(
    cluster: LocalCluster | AwsCluster | GcpCluster, catalogue: str
) -> None:
    assert cluster.catalogue == catalogue


@pytest.mark.parametrize(
    "image", ["vllm/vllm-openai:v0.33.0", "registry.example:5000/vllm:v1", f"vllm@sha256:{'0' * 64}"]
)
def test_a_pinned_image_is_taken(image: str) -> None:
    assert EngineSpec(image=image).image == image


@pytest.mark.parametrize(
    "image", ["vllm", "a/vllm:latest", "registry.example:5000/vllm", "vllm:", "vllm@sha256:12"]
)
def test_an_image_that_can_change_under_its_name_is_refused(image: str) -> None:
    with pytest.raises(ValidationError, match=r"is not pinned|should match pattern"):
        EngineSpec(image=image)


@pytest.mark.parametrize(
    ("section", "given", "key", "says"),
    [
        (
            NodePoolSpec,
            {"name": "l4", "accelerator": "l4", "minNodes": 3, "maxNodes": 2},
            "minNodes",
            "3 is above maxNodes 2",
        ),
        (ReplicasSpec, {"min": 3, "max": 2}, "min", "3 is above max 2"),
        (ResourcesSpec, {"memoryGib": 4, "shmGib": 4}, "shmGib", "raise memoryGib or lower shmGib"),
        (SloSpec, {"gpuUtilization": (0.9, 0.7)}, "gpuUtilization", "must rise from 0 to 1"),
        (
            EngineSpec,
            {"maxNumSeqs": 512, "maxNumBatchedTokens": 256},
            "maxNumBatchedTokens",
            "256 is below maxNumSeqs 512",
        ),
        (EngineSpec, {"extraArgs": ("--seed", "x")}, "extraArgs[1]", "not a whole number"),
    ],
)
def test_a_rule_over_several_keys_is_laid_at_the_key_to_change(
    section: type[Section], given: Mapping[str, object], key: str, says: str
) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        section.model_validate(given)
    assert [error["ctx"]["key"] for error in refused.value.errors()] == [key]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"engine": {"tensorParallel": 2}}, "engine.tensorParallel"),
        ({"checkpoint": "Qwen/Qwen3-VL-4B-Instruct-FP8", "gpusPerReplica": 8}, "gpusPerReplica"),
        ({"engine": {"kvOffloadingGib": 10}}, "resources.memoryGib"),
    ],
)
def test_a_model_that_contradicts_itself_is_refused_at_the_key_to_change(
    changes: dict[str, object], key: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        model(**changes)
    assert [error["ctx"]["key"] for error in refused.value.errors()] == [key]


def test_gpus_that_do_not_divide_the_attention_heads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = catalog.models()["Qwen/Qwen3-VL-8B-Instruct"].model_copy(
        update={"attention_heads": 12, "valid_tp": (1, 2, 4)}
    )  # every real size divides by 8
    monkeypatch.setattr(catalog, "models", lambda: {row.name: row})
    with pytest.raises(
        ValidationError, match=r"8 must divide the 12 attention heads of .* it can be 1, 2, 4"
    ):
        model(checkpoint=row.name, gpusPerReplica=8)


def test_a_mixture_of_experts_in_fp8_may_cut_its_blocks_because_vllm_refines_the_scales() -> None:
    assert model(checkpoint="Qwen/Qwen3-VL-30B-A3B-Instruct-FP8", gpusPerReplica=4).gpus_per_replica == 4


@pytest.mark.parametrize("target", [{"utilization": 70}, {"averageValue": "500m"}])
def test_a_resource_metric_takes_a_share_or_a_quantity_per_pod(target: dict[str, object]) -> None:
    metric = {"type": "Resource", "name": "memory", "target": target}
    assert ScalingSpec.model_validate({"metrics": (metric,)}).metrics[0].target.given == tuple(target)


@pytest.mark.parametrize("quantity", ["8", "500m", "1.5k", "2Gi"])
def test_quantities_are_written_as_kubernetes_writes_them(quantity: str) -> None:
    metric = {"type": "Pods", "name": "queue", "target": {"averageValue": quantity}}
    ScalingSpec.model_validate({"metrics": (metric,)})


@pytest.mark.parametrize("quantity", ["-1", "8 ", "eight", "5mm", ""])
def test_a_quantity_of_another_form_is_refused(quantity: str) -> None:
    metric = {"type": "Pods", "name": "queue", "target": {"averageValue": quantity}}
    with pytest.raises(ValidationError, match="averageValue"):
        ScalingSpec.model_validate({"metrics": (metric,)})
