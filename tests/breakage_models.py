"""Ways to break one key of a model of a valid stack. Importing this adds them to ``OPERATORS``."""

import copy
import math

from elastic_vllm.catalog import accelerators, machine_for, machines
from tests.breakage import OPERATORS, bad_values, cloud_of, items_of, operator, pool_of, section_at
from tests.strategies import Raw

__all__ = ["OPERATORS"]


@operator
def a_model_on_a_missing_pool(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "models")[m]["pool"] = "nowhere-at-all"
    return f"models[{m}].pool"


def one_engine(raw: Raw, m: int) -> None:
    """So that the mistake is the only one."""
    items_of(raw, "models")[m].pop("enginesPerReplica", None)
    section_at(raw, "models", m, "engine").pop("tensorParallel", None)


@operator
def a_second_model_of_the_same_name(raw: Raw, p: int, m: int) -> str:
    twin = copy.deepcopy(items_of(raw, "models")[m])
    items_of(raw, "models").append(twin)
    pool_of(raw, m)["maxNodes"] = 1000
    return f"models[{len(items_of(raw, 'models')) - 1}].name"


@operator
def parallelism_that_is_not_the_gpus(raw: Raw, p: int, m: int) -> str:
    model = items_of(raw, "models")[m]
    alone = int(str(model["gpusPerReplica"])) // int(str(model.get("enginesPerReplica", 1)))
    section_at(raw, "models", m, "engine")["tensorParallel"] = 1 if alone == 8 else 8
    return f"models[{m}].engine.tensorParallel"


@operator
def more_engines_than_gpus(raw: Raw, p: int, m: int) -> str:
    one_engine(raw, m)
    items_of(raw, "models")[m] |= {"gpusPerReplica": 1, "enginesPerReplica": 2}
    return f"models[{m}].enginesPerReplica"


@operator
def a_replica_larger_than_its_node(raw: Raw, p: int, m: int) -> str:
    one_engine(raw, m)
    items_of(raw, "models")[m] |= {"checkpoint": "Qwen/Qwen3-VL-2B-Instruct", "gpusPerReplica": 8}
    if pool_of(raw, m)["gpusPerNode"] == 8:
        items_of(raw, "models")[m]["gpusPerReplica"] = 16
    return f"models[{m}].gpusPerReplica"


@operator
def fp8_blocks_cut(raw: Raw, p: int, m: int) -> str:
    one_engine(raw, m)
    items_of(raw, "models")[m] |= {"checkpoint": "Qwen/Qwen3-VL-4B-Instruct-FP8", "gpusPerReplica": 8}
    return f"models[{m}].gpusPerReplica"


@operator
def weights_larger_than_the_gpu(raw: Raw, p: int, m: int) -> str:
    one_engine(raw, m)
    items_of(raw, "models")[m] |= {"checkpoint": "Qwen/Qwen3-VL-235B-A22B-Instruct", "gpusPerReplica": 1}
    return f"models[{m}].checkpoint"


@operator
def a_context_larger_than_the_cache(raw: Raw, p: int, m: int) -> str:
    one_engine(raw, m)
    engine = section_at(raw, "models", m, "engine")
    engine.update(gpuMemoryUtilization=0.1, maxModelLen=262_144)
    items_of(raw, "models")[m] |= {"checkpoint": "Qwen/Qwen3-VL-2B-Instruct-FP8", "gpusPerReplica": 1}
    if (
        accelerators()[str(pool_of(raw, m)["accelerator"])].memory_mib * 0.1 < 2900
    ):  # not even the weights fit
        engine["gpuMemoryUtilization"] = 0.5
    return f"models[{m}].engine.maxModelLen"


@operator
def more_cores_than_the_machine(raw: Raw, p: int, m: int) -> str:
    pool = pool_of(raw, m)
    cloud = cloud_of(raw)
    row = machine_for(cloud, str(pool["accelerator"]), int(str(pool["gpusPerNode"])))
    named = machines(cloud).get(str(pool.get("machine", row.name)), row)
    section_at(raw, "models", m, "resources")["cpu"] = min(193, named.cpu)
    return f"models[{m}].resources.cpu"


@operator
def bounds_of_replicas_crossed(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "models")[m]["replicas"] = {"min": 3, "max": 2}
    return f"models[{m}].replicas.min"


@operator
def replicas_that_the_pool_never_holds(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "models")[m]["replicas"] = {"min": 900, "max": 1000}
    return f"models[{m}].replicas.min"


@operator
def offloading_without_the_memory(raw: Raw, p: int, m: int) -> str:
    memory = section_at(raw, "models", m, "resources")["memoryGib"]
    assert isinstance(memory, int | float)
    section_at(raw, "models", m, "engine")["kvOffloadingGib"] = min(memory, 1024)
    section_at(raw, "models", m, "resources")["memoryGib"] = min(memory, 1024)
    return f"models[{m}].resources.memoryGib"


@operator
def shared_memory_as_large_as_memory(raw: Raw, p: int, m: int) -> str:
    items_of(raw, "models")[m]["resources"] = [{"memoryGib": 4, "shmGib": 4}, {"shmGib": 13}][(p + m) % 2]
    return f"models[{m}].resources.shmGib"


@operator
def an_unknown_metric_type(raw: Raw, p: int, m: int) -> str:
    section_at(raw, "models", m, "scaling")["metrics"] = [
        {"type": "Gpu", "name": "x", "target": {"value": "1"}}
    ]
    return f"models[{m}].scaling.metrics[0].type"


@operator
def a_target_that_the_metric_cannot_have(raw: Raw, p: int, m: int) -> str:
    section_at(raw, "models", m, "scaling")["metrics"] = [
        {"type": "Pods", "name": "x", "target": {"utilization": 1}}
    ]
    return f"models[{m}].scaling.metrics[0].target.utilization"


@operator
def two_targets_at_once(raw: Raw, p: int, m: int) -> str:
    target = {"utilization": 70, "averageValue": "8"}
    section_at(raw, "models", m, "scaling")["metrics"] = [
        {"type": "Resource", "name": "cpu", "target": target}
    ]
    return f"models[{m}].scaling.metrics[0].target"


@operator
def a_period_of_nothing(raw: Raw, p: int, m: int) -> str:
    steps = [
        {"type": "Pods", "value": 1, "periodSeconds": 60},
        {"type": "Pods", "value": 1, "periodSeconds": 0},
    ]
    section_at(raw, "models", m, "scaling")["scaleUp"] = {"stabilizationWindowSeconds": 0, "policies": steps}
    return f"models[{m}].scaling.scaleUp.policies[1].periodSeconds"


@operator
def a_refused_argument_after_good_ones(raw: Raw, p: int, m: int) -> str:
    bad = [
        "--swap-space",
        "--worker-use-ray",
        "--max-num-seq",
        "--max_log_len",
        "--port",
        "-tp",
        "stray",
        "--sed",
    ]
    section_at(raw, "models", m, "engine")["extraArgs"] = [
        "--enable-lora",
        "--seed",
        "1",
        bad[(p + 3 * m) % len(bad)],
        "4",
    ]
    return f"models[{m}].engine.extraArgs[3]"


OPERATORS |= {
    "an_unknown_checkpoint": bad_values("models", "checkpoint", "Qwen/Qwen3-VL-9B-Instruct", "qwen", None),
    "a_misspelt_key_of_a_model": bad_values("models", "poool", "l4"),
    "a_misspelt_key_of_an_engine": bad_values("models", "engine.maxModelLength", 4096),
    "an_empty_section": bad_values("models", "engine", None, [], "x", 3),
    "not_a_number": bad_values("models", "engine.gpuMemoryUtilization", math.nan, math.inf, "0.9", 1.5),
    "a_context_out_of_bounds": bad_values(
        "models", "engine.maxModelLen", "16384", 10**4000, 10, True, 16384.5
    ),
    "an_unpinned_image": bad_values(
        "models", "engine.image", "vllm/vllm-openai", "vllm/vllm-openai:latest", "A b"
    ),
    "a_replica_count_out_of_bounds": bad_values("models", "replicas.max", True, 0, "10", 2000),
    "more_memory_than_any_machine": bad_values("models", "resources.memoryGib", 4096, 5000),
    "a_latency_between_two_buckets": bad_values("models", "slo.ttftP99Seconds", 0.6, 11, "0.5", math.nan),
    "a_band_that_falls": bad_values("models", "slo.gpuUtilization", [0.9, 0.7], [0.5, 1.5]),
    "a_temperature_out_of_bounds": bad_values("models", "sampling.temperature", -1, 3, None),
    "a_drain_of_no_time": bad_values("models", "drain.finishSeconds", 0, "120", 10**6),
    "an_unknown_preset": bad_values("models", "scaling.preset", "sead", [], 3),
}
