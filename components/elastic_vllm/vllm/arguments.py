"""The ``vllm serve`` command line of a model. Pure; tests check every option against the pinned vLLM.

The image's entrypoint is ``["vllm", "serve"]``, so the first argument is the model. The API key is no
argument: it would stand in the pod's spec; see ``environment``.
"""

import json
from collections.abc import Mapping

from elastic_vllm import catalog
from elastic_vllm.spec import EngineSpec, ModelSpec
from elastic_vllm.vllm import routes

PORT = 8000
EXPERT_PARALLEL = "--enable-expert-parallel"
SLEEP = "--enable-sleep-mode"


def arguments(model: ModelSpec) -> list[str]:
    """The whole command line: the checkpoint, our options by name, then the stack file's own."""
    line = [model.checkpoint]
    for option, value in sorted(options(model).items()):
        line += [option, value]
    return [*line, *switches(model), *model.engine.extra_args]


def options(model: ModelSpec) -> Mapping[str, str]:
    """Options with their values. An optional setting that was left out is left to vLLM."""
    gpus = model.tensor_parallel
    given: dict[str, str] = {
        "--disable-access-log-for-endpoints": "/health,/metrics",
        "--gpu-memory-utilization": f"{model.engine.gpu_memory_utilization:g}",
        "--limit-mm-per-prompt": _json(
            {"image": model.engine.images_per_prompt, "video": model.engine.videos_per_prompt}
        ),
        "--max-model-len": str(model.engine.max_model_len),
        "--middleware": routes.MIDDLEWARE,
        "--override-generation-config": _generation_config(model),
        "--port": str(PORT),
        "--served-model-name": model.name,
        "--shutdown-timeout": str(model.drain.finish_seconds),
        "--tensor-parallel-size": str(gpus),
    }
    if model.is_group:
        given |= {"--distributed-executor-backend": "mp", "--nnodes": str(model.nodes_per_replica)}
        given |= {"--pipeline-parallel-size": str(model.nodes_per_replica)}
    if model.engines_per_replica > 1:
        # Of several API servers none would own the engines, and their drain would cut every answer.
        given |= {"--api-server-count": "1", "--data-parallel-size": str(model.engines_per_replica)}
    if gpus > 1:
        # The vision encoder is small: a copy on each GPU beats splitting its 16 heads.
        given["--mm-encoder-tp-mode"] = "data"
    return given | _tuning(model)


def _tuning(model: ModelSpec) -> dict[str, str]:
    engine, offloaded = model.engine, model.engine.kv_offloading_gib
    tuned: dict[str, int | float | str | None] = {
        "--block-size": engine.block_size,
        "--kv-cache-dtype": None if engine.kv_cache_dtype == "auto" else engine.kv_cache_dtype,
        # What one engine may have; a replica has it for all of them.
        "--kv-offloading-size": None if offloaded is None else offloaded / model.engines_per_replica,
        "--max-num-batched-tokens": engine.max_num_batched_tokens,
        "--max-num-queued-reqs": _in_flight(engine, model.engines_per_replica),
        "--max-num-seqs": engine.max_num_seqs,
    }
    return {option: _word(value) for option, value in tuned.items() if value is not None}


def _in_flight(engine: EngineSpec, engines: int) -> int | None:
    """vLLM's limit, whatever its name says, counts the requests that run as well as those that wait.

    It is the API server's, over all engines, where ``--max-num-seqs`` is of each.
    """
    if engine.max_queued_requests is None or engine.max_num_seqs is None:
        return None
    return engines * engine.max_num_seqs + engine.max_queued_requests


def switches(model: ModelSpec) -> list[str]:
    """Options without a value."""
    asked = {EXPERT_PARALLEL: keeps_experts_whole(model), SLEEP: model.engine.sleep_mode}
    return [option for option, on in asked.items() if on]


def keeps_experts_whole(model: ModelSpec) -> bool:
    """Whether each GPU of a mixture takes whole experts, and not a slice of each.

    The slices of an FP8 mixture cannot be narrower than a quantization block. With several engines the
    experts are spread over the GPUs of all, and only whole ones are sent just the tokens that they are for.
    """
    row = catalog.models()[model.checkpoint]
    if model.engine.expert_parallel is not None or not row.moe:
        return bool(model.engine.expert_parallel)
    split_too_fine = row.precision == "fp8" and model.gpus_per_node not in row.fp8_block_tp
    return split_too_fine or model.engines_per_replica > 1


def _generation_config(model: ModelSpec) -> str:
    """Sampling defaults of the server.

    vLLM reads ``max_new_tokens`` both as the default and as a ceiling: no request gets more.
    """
    sampling = model.sampling
    return _json(
        {
            "max_new_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
    )


def _word(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json(value: Mapping[str, float]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
