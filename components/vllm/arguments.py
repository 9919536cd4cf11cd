"""The ``vllm serve`` command line of a model. Pure; tests check every option against the pinned vLLM.

The image's entrypoint is ``["vllm", "serve"]``, so the first argument is the model. The API key is no
argument: it would stand in the pod's spec; see ``environment``.
"""

import json
from collections.abc import Mapping

from components import catalog
from components.spec import EngineSpec, ModelSpec
from components.vllm import routes

PORT = 8000
EXPERT_PARALLEL = "--enable-expert-parallel"


def arguments(model: ModelSpec) -> list[str]:
    """The whole command line: the checkpoint, our options by name, then the stack file's own."""
    line = [model.checkpoint]
    for option, value in sorted(options(model).items()):
        line += [option, value]
    return [*line, *switches(model), *model.engine.extra_args]


def options(model: ModelSpec) -> Mapping[str, str]:
    """Options with their values. An optional setting that was left out is left to vLLM."""
    engine, gpus = model.engine, model.gpus_per_node
    given: dict[str, str] = {
        "--disable-access-log-for-endpoints": "/health,/metrics",
        "--gpu-memory-utilization": f"{engine.gpu_memory_utilization:g}",
        "--limit-mm-per-prompt": _json(
            {"image": engine.images_per_prompt, "video": engine.videos_per_prompt}
        ),
        "--max-model-len": str(engine.max_model_len),
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
    if gpus > 1:
        # The vision encoder is small: a copy on each GPU beats splitting its 16 heads.
        given["--mm-encoder-tp-mode"] = "data"
    return given | _tuning(engine)


def _tuning(engine: EngineSpec) -> dict[str, str]:
    tuned: dict[str, int | float | str | None] = {
        "--block-size": engine.block_size,
        "--kv-cache-dtype": None if engine.kv_cache_dtype == "auto" else engine.kv_cache_dtype,
        "--kv-offloading-size": engine.kv_offloading_gib,
        "--max-num-batched-tokens": engine.max_num_batched_tokens,
        "--max-num-queued-reqs": _in_flight(engine),
        "--max-num-seqs": engine.max_num_seqs,
    }
    return {option: _word(value) for option, value in tuned.items() if value is not None}


def _in_flight(engine: EngineSpec) -> int | None:
    """vLLM's limit, whatever its name says, counts the requests that run as well as those that wait."""
    if engine.max_queued_requests is None or engine.max_num_seqs is None:
        return None
    return engine.max_num_seqs + engine.max_queued_requests


def switches(model: ModelSpec) -> list[str]:
    """Options without a value.

    The experts of an FP8 mixture cannot be cut below a quantization block; beyond that size each GPU takes
    whole experts instead.
    """
    row = catalog.models()[model.checkpoint]
    split_too_fine = row.precision == "fp8" and row.moe and model.gpus_per_node not in row.fp8_block_tp
    return [EXPERT_PARALLEL] if split_too_fine and EXPERT_PARALLEL not in model.engine.extra_args else []


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
