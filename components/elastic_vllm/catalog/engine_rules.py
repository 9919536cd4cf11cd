"""What ``vllm serve`` arguments mean together: what parses, and ends vLLM later, or serves another model.

Each rule says what one check of vLLM 0.33.0 does after parsing; the engine tests hold them against
``EngineArgs.create_engine_config`` itself. What a single option takes is in its table: ``engine_options``.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from elastic_vllm.catalog import engine_options
from elastic_vllm.catalog.engine_options import OptionError
from elastic_vllm.catalog.option_values import number
from elastic_vllm.catalog.rows import ModelRow

NATIVE_CONTEXT = 262_144


class Line:
    """A command line, read: each option's last values, and where it stands."""

    def __init__(self, words: Sequence[str]) -> None:
        self._given = {given.name: given for given in engine_options.read(words) if not given.path}

    def index(self, name: str) -> int:
        """Where the option stands; 0 where it does not."""
        return self._given[name].index if name in self._given else 0

    def word(self, name: str) -> str | None:
        """The option's value; ``None`` where it is not given."""
        values = self._given[name].values if name in self._given else ()
        return values[0] if values else None

    def count(self, name: str, default: int) -> int:
        """The option's value as a number; vLLM's default where it is not given."""
        word = self.word(name)
        value = None if word is None else number(word)
        return default if value is None else int(value)

    def is_on(self, name: str) -> bool:
        """Whether a switch that is off by itself is on."""
        return name in self._given and not self._given[name].word.startswith(("--no-", "--disable-"))

    def is_off(self, name: str) -> bool:
        """Whether a switch that is on by itself is off."""
        return name in self._given and not self.is_on(name)


Rule = Callable[[Line, ModelRow], tuple[str, str] | None]
"""The option to change and what is wrong with it, or nothing."""


def check(words: Sequence[str], models: Mapping[str, ModelRow]) -> None:
    """Refuse, with an ``OptionError``, a whole command line that vLLM would not serve as meant.

    Its first word is the model: without one vLLM serves a default of its own, and says nothing.
    """
    if not words or words[0].startswith("-"):
        raise OptionError(0, "no model comes first: vLLM would serve its own default, Qwen/Qwen3-0.6B")
    if words[0] not in models:
        raise OptionError(0, f"{words[0]!r} is no checkpoint of the catalogue; it has: {', '.join(models)}")
    try:
        line = Line(words[1:])
    except OptionError as problem:
        raise OptionError(problem.index + 1, str(problem)) from None
    for option, said in faults(line, models[words[0]]):
        raise OptionError(line.index(option) + 1, f"{option}: {said}")


def faults(line: Line, model: ModelRow) -> Iterator[tuple[str, str]]:
    """What every rule has to say."""
    return (fault for rule in RULES if (fault := rule(line, model)))


def gpus_divide_the_heads(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """Each GPU takes a whole number of attention heads."""
    size = line.count("--tensor-parallel-size", 1)
    if model.attention_heads % size == 0:
        return None
    return "--tensor-parallel-size", f"{size} does not divide the {model.attention_heads} attention heads"


def gpus_keep_fp8_blocks_whole(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """A dense FP8 checkpoint ends at load where a shard cuts its 128-wide blocks."""
    size = line.count("--tensor-parallel-size", 1)
    if model.precision != "fp8" or model.moe or size in model.fp8_block_tp or model.attention_heads % size:
        return None
    return "--tensor-parallel-size", f"{size} cuts the 128-wide FP8 blocks of {model.name}"


def experts_are_there_to_be_spread(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """Expert parallelism is for mixtures."""
    if model.moe or not line.is_on("--enable-expert-parallel"):
        return None
    return "--enable-expert-parallel", f"{model.name} is dense; it has no experts"


def context_is_within_the_models(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Longer needs a changed rope, which ``--hf-overrides`` brings."""
    word = line.word("--max-model-len")
    if word in (None, "auto", "-1") or line.word("--hf-overrides"):
        return None
    length = line.count("--max-model-len", NATIVE_CONTEXT)
    if 0 < length <= NATIVE_CONTEXT:
        return None
    return "--max-model-len", f"{length} is not between 1 and the model's own {NATIVE_CONTEXT}"


def a_step_holds_the_batch(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Each running request takes a token of every step."""
    tokens, seqs = line.count("--max-num-batched-tokens", 0), line.count("--max-num-seqs", 0)
    if not tokens or tokens >= seqs:
        return None
    return "--max-num-batched-tokens", f"{tokens} is below --max-num-seqs {seqs}"


def a_whole_prompt_fits_a_step(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Without chunked prefill a prompt is computed in one step."""
    tokens, length = line.count("--max-num-batched-tokens", 0), line.count("--max-model-len", NATIVE_CONTEXT)
    if not line.is_off("--enable-chunked-prefill") or not tokens or tokens >= length:
        return None
    return (
        "--max-num-batched-tokens",
        f"{tokens} is below the context of {length}, and prompts are not chunked",
    )


def long_prompts_are_within_the_context(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """What counts as long is at most what fits."""
    threshold = line.count("--long-prefill-token-threshold", 0)
    length = line.count("--max-model-len", NATIVE_CONTEXT)
    if threshold <= length or length < 0:
        return None
    return "--long-prefill-token-threshold", f"{threshold} is above --max-model-len {length}"


def contexts_are_cut_between_equal_heads(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """Decode context parallelism is for GPUs that would hold copies of the same KV heads."""
    parts, size = line.count("--decode-context-parallel-size", 1), line.count("--tensor-parallel-size", 1)
    if parts == 1 or (size % parts == 0 and parts <= size // model.kv_heads):
        return None
    return (
        "--decode-context-parallel-size",
        f"{parts} does not divide the copies of {model.kv_heads} KV heads on {size} GPUs; leave it out",
    )


def blocks_are_what_gpus_take(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Attention on a GPU reads blocks of a multiple of 16 tokens."""
    size = line.count("--block-size", 16)
    return None if size % 16 == 0 else ("--block-size", f"{size} is no multiple of 16")


def quantization_is_the_checkpoints(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """A checkpoint is quantized as it was written; weights in bf16 can be made FP8 while they load."""
    method = line.word("--quantization")
    if method in (None, "", "None", "fp8"):
        return None
    return "--quantization", f"{method!r} is not how {model.name} was written; leave it out, or take fp8"


def fp8_computes_in_halves(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """What surrounds FP8 is computed in 16 bits."""
    is_fp8 = model.precision == "fp8" or line.word("--quantization") == "fp8"
    dtype = line.word("--dtype")
    if not is_fp8 or dtype not in ("float", "float32"):
        return None
    return "--dtype", f"{dtype} does not go with FP8 weights; leave it out"


def tools_have_a_parser(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Calls of tools are read from the answer by a parser of the model's own."""
    if not line.is_on("--enable-auto-tool-choice") or line.word("--tool-call-parser"):
        return None
    return "--enable-auto-tool-choice", "needs --tool-call-parser; Qwen3-VL writes as hermes does"


def adapters_on_the_host_hold_those_on_the_gpu(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """LoRA adapters that run are kept in memory too."""
    host, gpu = line.word("--max-cpu-loras"), line.count("--max-loras", 1)
    if (
        not line.is_on("--enable-lora")
        or host in (None, "", "None")
        or line.count("--max-cpu-loras", 0) >= gpu
    ):
        return None
    return "--max-cpu-loras", f"{host} is below --max-loras {gpu}"


def dense_models_are_balanced_outside(line: Line, model: ModelRow) -> tuple[str, str] | None:
    """Only engines that share experts are one engine."""
    if model.moe or not line.is_on("--data-parallel-external-lb"):
        return None
    return "--data-parallel-external-lb", f"{model.name} is dense; its replicas are engines of their own"


def ray_is_in_the_image(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """vLLM no longer depends on it, and an image of one's own is not what this is for: docs/adr/0014."""
    asks = (
        name
        for name in ("--distributed-executor-backend", "--data-parallel-backend")
        if line.word(name) == "ray"
    )
    name = next(asks, None)
    return (name, "the image has no Ray; leave it out") if name else None


def nodes_share_the_gpus(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Each node has the same number of ranks."""
    nodes = line.count("--nnodes", 1)
    sizes = ("tensor", "pipeline", "data", "prefill-context")
    ranks = math.prod(line.count(f"--{size}-parallel-size", 1) for size in sizes)
    return None if ranks % nodes == 0 else ("--nnodes", f"{nodes} nodes cannot share {ranks} GPUs")


def nodes_are_counted_from_zero(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """A rank beyond the last node waits for nobody."""
    rank, nodes = line.count("--node-rank", 0), line.count("--nnodes", 1)
    if nodes == 1 or rank < nodes:
        return None
    return "--node-rank", f"{rank} is not below --nnodes {nodes}"


def images_are_counted(line: Line, _model: ModelRow) -> tuple[str, str] | None:
    """Modalities by name, each with how many, or an object with ``count``."""
    word = line.word("--limit-mm-per-prompt")
    for name, limit in (json.loads(word) if word else {}).items():
        count = limit.get("count", 0) if isinstance(limit, dict) else limit
        if not isinstance(count, int) or count < 0:
            return "--limit-mm-per-prompt", f"{name}: {count!r} is no count"
    return None


RULES: tuple[Rule, ...] = (
    gpus_divide_the_heads,
    gpus_keep_fp8_blocks_whole,
    experts_are_there_to_be_spread,
    context_is_within_the_models,
    a_step_holds_the_batch,
    a_whole_prompt_fits_a_step,
    long_prompts_are_within_the_context,
    contexts_are_cut_between_equal_heads,
    blocks_are_what_gpus_take,
    quantization_is_the_checkpoints,
    fp8_computes_in_halves,
    tools_have_a_parser,
    adapters_on_the_host_hold_those_on_the_gpu,
    dense_models_are_balanced_outside,
    ray_is_in_the_image,
    nodes_share_the_gpus,
    nodes_are_counted_from_zero,
    images_are_counted,
)
