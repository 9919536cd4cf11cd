"""The command line that a model becomes, checked against the option table of the pinned vLLM."""

import json

import pytest
from hypothesis import given, settings

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_options
from elastic_vllm.spec import ModelSpec
from elastic_vllm.stack_file.config import StackConfig
from elastic_vllm.vllm.arguments import EXPERT_PARALLEL, arguments
from tests.engine.rendered_options import rendered_options
from tests.manifests import FP8_8B, LARGEST, model
from tests.strategies import stacks

EVERY_SETTING = {
    "blockSize": 16,
    "kvCacheDtype": "fp8",
    "kvOffloadingGib": 4.5,
    "maxModelLen": 32768,
    "maxNumBatchedTokens": 2048,
    "maxNumSeqs": 256,
    "maxQueuedRequests": 64,
    "gpuMemoryUtilization": 0.9,
    "imagesPerPrompt": 2,
    "videosPerPrompt": 1,
    "extraArgs": ["--enable-prefix-caching"],
}
SIZES = [
    (checkpoint, gpus)
    for checkpoint, row in catalog.models().items()
    for gpus in (1, 2, 4, 8)
    if row.attention_heads % gpus == 0 and (row.moe or row.precision == "bf16" or gpus in row.fp8_block_tp)
]


def value_of(spec: ModelSpec, option: str) -> str:
    line = arguments(spec)
    return line[line.index(option) + 1]


@pytest.mark.parametrize(("checkpoint", "gpus"), SIZES)
@pytest.mark.parametrize("engine", [{}, EVERY_SETTING], ids=["defaults", "every setting"])
def test_every_argument_is_one_of_this_vllm(checkpoint: str, gpus: int, engine: dict[str, object]) -> None:
    spec = model(
        checkpoint=checkpoint, gpusPerReplica=gpus, engine=engine, resources={"memoryGib": 64, "cpu": 8}
    )
    first, *rest = arguments(spec)
    assert first == checkpoint
    list(engine_options.read(rest))


def test_every_setting_reaches_the_command_line_under_its_own_option() -> None:
    spec = model(engine=EVERY_SETTING, resources={"memoryGib": 64})
    line = arguments(spec)
    written = dict(zip(line[1:-1:2], line[2:-1:2], strict=True))
    assert written == {
        "--block-size": "16",
        "--disable-access-log-for-endpoints": "/health,/metrics",
        "--gpu-memory-utilization": "0.9",
        "--kv-cache-dtype": "fp8",
        "--kv-offloading-size": "4.5",
        "--limit-mm-per-prompt": '{"image":2,"video":1}',
        "--max-model-len": "32768",
        "--max-num-batched-tokens": "2048",
        "--max-num-queued-reqs": "320",
        "--max-num-seqs": "256",
        "--middleware": "elastic_vllm_gate.Gate",
        "--override-generation-config": '{"max_new_tokens":1024,"temperature":0.7,"top_p":0.9}',
        "--port": "8000",
        "--served-model-name": "chat",
        "--shutdown-timeout": "120",
        "--tensor-parallel-size": "1",
    }


def test_what_the_stack_file_leaves_out_is_left_to_vllm() -> None:
    line = arguments(model())
    for option in ("--block-size", "--kv-cache-dtype", "--max-num-seqs", "--max-num-queued-reqs"):
        assert option not in line


def test_options_stand_in_the_order_of_their_names() -> None:
    options = arguments(model(engine=EVERY_SETTING, resources={"memoryGib": 64}))[1:-1:2]
    assert options == sorted(options)


def test_the_stack_files_own_arguments_come_last_as_written() -> None:
    extra = ["--seed", "7", "--enable-prefix-caching"]
    assert arguments(model(engine={"extraArgs": extra}))[-3:] == extra


def test_tensor_parallelism_is_the_gpus_of_the_replica() -> None:
    assert value_of(model(gpusPerReplica=4), "--tensor-parallel-size") == "4"


def test_the_vision_encoder_is_copied_not_split_when_several_gpus_share_a_replica() -> None:
    assert value_of(model(gpusPerReplica=2), "--mm-encoder-tp-mode") == "data"
    assert "--mm-encoder-tp-mode" not in arguments(model(gpusPerReplica=1))


def test_an_fp8_mixture_keeps_experts_whole_where_a_split_would_cut_their_blocks() -> None:
    fine = {"checkpoint": LARGEST, "gpusPerReplica": 8}
    assert EXPERT_PARALLEL in arguments(model(**fine))
    assert EXPERT_PARALLEL not in arguments(model(checkpoint=LARGEST, gpusPerReplica=4))
    assert EXPERT_PARALLEL not in arguments(model(checkpoint=FP8_8B, gpusPerReplica=8))
    in_bf16 = LARGEST.removesuffix("-FP8")
    assert EXPERT_PARALLEL not in arguments(model(checkpoint=in_bf16, gpusPerReplica=8))
    assert EXPERT_PARALLEL not in arguments(model(**fine, engine={"expertParallel": False}))


def test_a_stack_file_may_ask_for_whole_experts_where_slices_would_do() -> None:
    asked = model(checkpoint=LARGEST, gpusPerReplica=4, engine={"expertParallel": True})
    assert arguments(asked).count(EXPERT_PARALLEL) == 1


@settings(max_examples=40)
@given(stacks())
def test_no_stack_renders_an_option_that_the_engine_tests_do_not_know_of(stack: StackConfig) -> None:
    known = rendered_options()
    for spec in stack.models:
        words = arguments(
            spec.model_copy(update={"engine": spec.engine.model_copy(update={"extra_args": ()})})
        )
        assert {word for word in words if word.startswith("--")} <= known


def test_the_engine_tests_know_of_groups_engines_streaming_and_sleep() -> None:
    assert rendered_options() >= {
        "--api-server-count",
        "--data-parallel-size",
        "--distributed-executor-backend",
        "--enable-expert-parallel",
        "--enable-sleep-mode",
        "--headless",
        "--load-format",
        "--master-addr",
        "--nnodes",
        "--node-rank",
        "--pipeline-parallel-size",
    }


def test_sampling_defaults_are_the_servers_and_carry_no_stop_ids() -> None:
    spec = model(sampling={"temperature": 0.2, "topP": 0.5, "maxTokens": 64})
    given = json.loads(value_of(spec, "--override-generation-config"))
    assert given == {"max_new_tokens": 64, "temperature": 0.2, "top_p": 0.5}


def test_vllm_drains_as_long_as_the_stack_file_says() -> None:
    assert value_of(model(drain={"finishSeconds": 300}), "--shutdown-timeout") == "300"


def test_no_argument_could_carry_the_api_key() -> None:
    assert "--api-key" not in arguments(model(requireApiKey=True))
