"""Where the memory of a replica's GPUs goes: weights, activations, KV cache, and what that leaves. Pure.

vLLM takes ``gpuMemoryUtilization`` of each GPU, loads the weights, runs the largest step and image it may
meet, and gives the rest to the KV cache. Weights and cache follow from the model's configuration;
activations are an estimate, held against published deployments by the tests.
"""

from dataclasses import dataclass
from typing import NamedTuple

from elastic_vllm.catalog import AcceleratorRow, ModelRow, models
from elastic_vllm.estimate.placement import Placed
from elastic_vllm.json_names import JsonNames
from elastic_vllm.spec import EngineSpec, ModelSpec

GIB = 2**30
LONGEST = 262_144
"""The context that the checkpoints were made for; vLLM takes no more without scaling it."""
RUNTIME_GIB = 0.4
"""CUDA's context and libraries on each GPU. Assumed."""
EXCHANGE_GIB = 0.35
"""What tensor parallelism adds: NCCL and buffers of the all-reduce. Assumed."""
GRAPHS_GIB = 0.3
"""CUDA graphs; logs of vLLM 0.28 show 0.1 to 0.5."""
IMAGE_TOKENS = 16_384
"""The largest image of Qwen3-VL's own processor: 16.8 million pixels, 1024 to a token."""
VIDEO_TOKENS = 153_600
"""The largest video, for which vLLM keeps room whatever ``maxModelLen`` is: vllm-project/vllm issue 27992."""
ENCODER_BYTES = 34_000
"""What the vision encoder keeps at its peak for each token; from the 10 GB of that issue, less its cache."""
EMBEDDING_COPIES = 4
"""An image's embedding, and three more from layers of the encoder (deepstack), all cached."""
VOCABULARY = 151_936
LOGIT_BYTES = 6
"""Of one logit at the sampler: in bf16 and as a float."""
HIDDEN_COPIES = 6
"""Tensors as wide as the model that are alive at the peak of a layer. Assumed."""
_WIDE_GIB, _MEDIUM_GIB = 160, 70


class Batch(NamedTuple):
    """How much vLLM computes together."""

    tokens: int
    sequences: int


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a checkpoint is served, in the words of the memory sum."""

    gpus: int
    """Of one engine, on each node."""
    utilization: float
    context: int
    batch: Batch
    images: int
    videos: int
    kv_bytes: float = 2
    nodes: int = 1
    """Over which the layers are spread; each keeps the cache of its own."""
    engines: int = 1
    """Which share the experts of a mixture, and nothing else."""
    encoder_gpus: int = 1
    """GPUs over which one image is spread: one with ``--mm-encoder-tp-mode data``, as we serve."""


@dataclass(frozen=True, kw_only=True)
class Fit(JsonNames):
    """The memory of each GPU of a replica, in GiB, and what it is enough for."""

    gpu_gib: float
    usable_gib: float
    """What vLLM may take."""
    weights_gib: float
    activations_gib: float
    """An estimate:  runtime, CUDA graphs, the largest step, the largest image and their cache."""
    cache_gib: float
    """Left for the KV cache; negative where the weights alone are too much."""
    kv_gib_per_request: float
    """KV cache of one request of ``maxModelLen`` tokens."""
    context: int
    """``maxModelLen``."""
    longest: int
    """The largest ``maxModelLen`` that fits: 0 where the weights alone are too much."""
    concurrency: float
    """Requests of full length that the cache holds at once, of all engines together."""
    fits: bool
    """Whether vLLM starts: the cache holds one request of full length."""

    @property
    def tokens(self) -> int:
        """What the cache holds of requests of any length."""
        return int(max(0.0, self.cache_gib) * self.context / self.kv_gib_per_request + 1e-6)


def fit_of(at: Placed) -> Fit:
    """The memory of a model on its pool's GPUs."""
    return fit_on(at.model, at.accelerator)


def fit_on(model: ModelSpec, gpu: AcceleratorRow) -> Fit:
    """The memory of a model on these GPUs."""
    return fit(models()[model.checkpoint], gpu.memory_mib, serving_of(model, gpu))


def fit(row: ModelRow, memory_mib: int, serving: Serving) -> Fit:
    """The memory of a checkpoint, served so, on GPUs of this size."""
    gpu = memory_mib / 1024
    usable = gpu * serving.utilization
    weights, activations = _weights_gib(row, serving), _activations_gib(row, serving)
    per_token = kv_gib_per_token(row, serving)
    left = usable - weights - activations
    cache, per_request = max(0.0, left), per_token * serving.context
    return Fit(
        gpu_gib=gpu,
        usable_gib=usable,
        weights_gib=weights,
        activations_gib=activations,
        cache_gib=left,
        kv_gib_per_request=per_request,
        context=serving.context,
        longest=min(LONGEST, int(cache / per_token) // 16 * 16),
        concurrency=cache / per_request * serving.engines,
        fits=left >= per_request,
    )


def serving_of(model: ModelSpec, gpu: AcceleratorRow) -> Serving:
    """The model's settings, vLLM's own where the stack file is silent."""
    engine = model.engine
    return Serving(
        gpus=model.tensor_parallel,
        nodes=model.nodes_per_replica,
        engines=model.engines_per_replica,
        utilization=engine.gpu_memory_utilization,
        context=engine.max_model_len,
        batch=batch_of(engine, gpu),
        images=engine.images_per_prompt,
        videos=engine.videos_per_prompt,
        kv_bytes=1 if engine.kv_cache_dtype == "fp8" else 2,
    )


def batch_of(engine: EngineSpec, gpu: AcceleratorRow) -> Batch:
    """As declared, else vLLM's defaults, of which neither may be too small for the other."""
    default = default_batch(gpu.memory_mib, small=gpu.small_default_batch)
    tokens, sequences = engine.max_num_batched_tokens, engine.max_num_seqs
    return Batch(
        tokens=tokens or max(default.tokens, sequences or 0),
        sequences=sequences or min(default.sequences, tokens or default.sequences),
    )


def default_batch(memory_mib: int, *, small: bool = False) -> Batch:
    """What vLLM 0.33.0 takes where nothing is said (``engine/arg_utils.py``, ``get_batch_defaults``)."""
    if memory_mib >= _WIDE_GIB * 1024:
        return Batch(16_384, 1024)
    if memory_mib >= _MEDIUM_GIB * 1024 and not small:
        return Batch(8192, 1024)
    return Batch(2048, 256)


def kv_gib_per_token(row: ModelRow, serving: Serving) -> float:
    """KV cache of one token on each GPU."""
    return row.kv_bytes_on_each(serving.gpus, serving.nodes, serving.kv_bytes) / GIB


def _weights_gib(row: ModelRow, serving: Serving) -> float:
    """The language model is divided; of the vision tower each GPU has its own copy, or its part.

    Experts are divided over the GPUs of all engines, whole or in slices; of the rest each engine has a copy.
    """
    vision = row.vision_params_b * 2e9 if serving.images or serving.videos else 0.0
    experts = row.experts_gb * 1e9
    language = row.weights_gb * 1e9 - row.vision_params_b * 2e9 - experts + experts / serving.engines
    return (language / serving.gpus / serving.nodes + vision / serving.encoder_gpus) / GIB


def _activations_gib(row: ModelRow, serving: Serving) -> float:
    together = serving.gpus * (serving.engines if row.moe else 1)
    fixed = RUNTIME_GIB + GRAPHS_GIB + (EXCHANGE_GIB if together > 1 else 0)
    return fixed + (_step_bytes(row, serving) + _vision_bytes(row, serving)) / GIB


def _step_bytes(row: ModelRow, serving: Serving) -> float:
    """The largest step: hidden states, the feed-forward layer, and the logits of every sequence.

    Engines that share experts gather each other's tokens before these, and give them back behind.
    """
    feed_forward = 2 * row.intermediate_size / serving.gpus
    routed = row.experts_per_token * max(feed_forward, row.hidden_size if row.moe else 0)
    gathered = 2 * (serving.engines - 1) * row.hidden_size if row.moe else 0
    token = (HIDDEN_COPIES * row.hidden_size + routed + gathered) * 2
    return serving.batch.tokens * token + serving.batch.sequences * VOCABULARY * LOGIT_BYTES


def _vision_bytes(row: ModelRow, serving: Serving) -> float:
    """The largest image or video in the encoder, and the cache that keeps what comes out."""
    if not serving.images and not serving.videos:
        return 0.0
    tokens = VIDEO_TOKENS if serving.videos else IMAGE_TOKENS
    cached = EMBEDDING_COPIES * row.hidden_size * 2
    return tokens * (ENCODER_BYTES / serving.encoder_gpus + cached)
