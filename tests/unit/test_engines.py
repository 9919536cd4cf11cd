"""Several engines in one replica: what a stack may ask for, what becomes of it, and what fits."""

import pytest
from pydantic import ValidationError

from elastic_vllm import catalog
from elastic_vllm import rules as checks
from elastic_vllm.catalog import engine_rules
from elastic_vllm.estimate.memory import Fit, fit_of
from elastic_vllm.estimate.placement import placed
from elastic_vllm.spec import ModelSpec
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.vllm import startup
from elastic_vllm.vllm.arguments import EXPERT_PARALLEL, arguments
from elastic_vllm.vllm.pod import volumes
from elastic_vllm.vllm.weights import command_line
from fleet.plan import format as text
from fleet.plan.serving import models as planned
from tests.engine.rendered_options import STREAMED
from tests.manifests import LARGEST, model, plain

BF16 = LARGEST.removesuffix("-FP8")
SMALL_MIXTURE = "Qwen/Qwen3-VL-30B-A3B-Instruct"
EIGHT: dict[str, object] = {"gpusPerReplica": 8, "enginesPerReplica": 4}


def option(spec: ModelSpec, name: str) -> str:
    line = arguments(spec)
    return line[line.index(name) + 1]


def config(accelerator: str = "h200", **keys: object) -> StackConfig:
    raw = {"name": "chat", "checkpoint": BF16, "pool": "gpu", **EIGHT, **keys}
    pool = {"name": "gpu", "accelerator": accelerator, "gpusPerNode": 8, "maxNodes": 4}
    return StackConfig.model_validate({"cluster": {"cloud": "local"}, "pools": [pool], "models": [raw]})


def fitted(**keys: object) -> Fit:
    (at,) = placed(config("h200", **keys))
    return fit_of(at)


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        (
            {"gpusPerReplica": 2, "enginesPerReplica": 4},
            "enginesPerReplica",
            "an engine has one GPU at least",
        ),
        (
            {"gpusPerReplica": 16, "nodesPerReplica": 2, "enginesPerReplica": 2, "checkpoint": BF16},
            "enginesPerReplica",
            "a group is one engine over its nodes",
        ),
        ({**EIGHT, "engine": {"tensorParallel": 8}}, "engine.tensorParallel", "over enginesPerReplica 4"),
        ({**EIGHT, "engine": {"expertParallel": True}}, "engine.expertParallel", "is dense"),
    ],
)
def test_engines_that_cannot_be_are_refused_at_the_key_to_change(
    keys: dict[str, object], key: str, says: str
) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        model(**keys)
    assert refused.value.errors()[0]["ctx"]["key"] == key


@pytest.mark.parametrize("count", [0, 3, 16, True])
def test_engines_are_counted_in_powers_of_two(count: object) -> None:
    with pytest.raises(ValidationError, match="enginesPerReplica"):
        model(gpusPerReplica=8, enginesPerReplica=count)


def test_engines_share_the_gpus_and_one_api_server() -> None:
    spec = model(**EIGHT)
    assert option(spec, "--data-parallel-size") == "4"
    assert option(spec, "--tensor-parallel-size") == "2"
    assert option(spec, "--api-server-count") == "1"
    assert option(spec, "--mm-encoder-tp-mode") == "data"
    engine_rules.check(arguments(spec)[1:], catalog.models()[spec.checkpoint])


def test_a_single_engine_is_told_nothing_of_others() -> None:
    line = arguments(model(gpusPerReplica=8))
    assert "--data-parallel-size" not in line
    assert "--api-server-count" not in line


def test_blocks_that_eight_gpus_would_cut_are_whole_on_the_gpus_of_each_engine() -> None:
    checkpoint = "Qwen/Qwen3-VL-4B-Instruct-FP8"
    with pytest.raises(ValidationError, match="cuts the 128-wide FP8 blocks"):
        model(checkpoint=checkpoint, gpusPerReplica=8)
    assert option(model(checkpoint=checkpoint, **EIGHT), "--tensor-parallel-size") == "2"


def test_what_may_wait_stands_behind_the_batches_of_all_engines() -> None:
    spec = model(**EIGHT, engine={"maxNumSeqs": 32, "maxQueuedRequests": 10})
    assert option(spec, "--max-num-seqs") == "32"
    assert option(spec, "--max-num-queued-reqs") == "138"


def test_memory_to_offload_to_is_the_replicas_and_each_engine_is_told_its_part() -> None:
    spec = model(**EIGHT, engine={"kvOffloadingGib": 16}, resources={"memoryGib": 64, "shmGib": 4})
    assert option(spec, "--kv-offloading-size") == "4"
    (shm,) = [item for item in plain(volumes(spec, None)) if item["name"] == "shm"]
    assert shm["empty_dir"]["size_limit"] == "20Gi"


def test_engines_of_a_mixture_keep_experts_whole_unless_told_otherwise() -> None:
    assert EXPERT_PARALLEL in arguments(model(checkpoint=BF16, **EIGHT))
    assert EXPERT_PARALLEL not in arguments(model(checkpoint=BF16, **EIGHT, engine={"expertParallel": False}))
    assert EXPERT_PARALLEL not in arguments(model(**EIGHT))


@pytest.mark.parametrize(
    ("checkpoint", "engines", "distributed"),
    [
        ("Qwen/Qwen3-VL-8B-Instruct", 8, False),
        ("Qwen/Qwen3-VL-8B-Instruct", 4, True),
        (SMALL_MIXTURE, 8, True),
    ],
)
def test_gpus_that_load_together_read_the_bucket_once(
    checkpoint: str, engines: int, distributed: bool
) -> None:
    spec = model(checkpoint=checkpoint, gpusPerReplica=8, enginesPerReplica=engines)
    line = command_line(arguments(spec), spec, STREAMED)
    settings = line[list(line).index("--model-loader-extra-config") + 1]
    assert ('"distributed":true' in str(settings)) is distributed


def test_each_engine_of_a_dense_model_has_a_whole_copy_of_it() -> None:
    dense = "Qwen/Qwen3-VL-32B-Instruct"
    one = fitted(checkpoint=dense, gpusPerReplica=2, enginesPerReplica=1)
    four = fitted(checkpoint=dense)
    assert four.weights_gib == one.weights_gib
    assert four.kv_gib_per_request == one.kv_gib_per_request
    assert four.concurrency == 4 * one.concurrency


def test_engines_of_a_mixture_share_its_experts_and_nothing_else() -> None:
    row = catalog.models()[BF16]
    alone, four = fitted(enginesPerReplica=1), fitted()
    rest = (row.weights_gb - row.experts_gb) * 1e9 - row.vision_params_b * 2e9
    assert four.weights_gib - alone.weights_gib == pytest.approx(rest * (1 / 2 - 1 / 8) / 2**30)
    assert four.activations_gib > alone.activations_gib


@pytest.mark.parametrize("checkpoint", [BF16, LARGEST, SMALL_MIXTURE, f"{SMALL_MIXTURE}-FP8"])
def test_experts_are_most_of_a_mixture_and_never_all_of_it(checkpoint: str) -> None:
    row = catalog.models()[checkpoint]
    assert 0.88 < row.experts_gb / row.weights_gb < 0.98


def test_a_replica_whose_engines_do_not_fit_is_told_to_have_fewer() -> None:
    dense = config(accelerator="l40s", checkpoint="Qwen/Qwen3-VL-32B-Instruct", enginesPerReplica=8)
    (said,) = [item.message for item in checks.errors(dense) if item.id == "weights-do-not-fit"]
    assert "8 x l40s for 8 engines" in said
    assert "fewer enginesPerReplica" in said


def test_each_engine_of_a_dense_model_reads_its_own_weights_and_a_mixture_is_read_once() -> None:
    def seconds(checkpoint: str, engines: int) -> float:
        spec = model(checkpoint=checkpoint, gpusPerReplica=8, enginesPerReplica=engines)
        return startup.predicted_seconds(spec, "h200", 8000)

    dense = catalog.models()["Qwen/Qwen3-VL-32B-Instruct"]
    extra = seconds(dense.name, 4) - seconds(dense.name, 1)
    assert extra == pytest.approx(3 * dense.weights_gb)  # at a gigabyte a second
    assert seconds(BF16, 4) == seconds(BF16, 1)


def test_a_plan_tells_who_shares_the_gpus() -> None:
    (shown,) = planned(config(), ())
    assert text.gpus(shown) == "8 × h200, 4 engines"
