"""What words of ``engine.extraArgs`` do together: what parses, and ends vLLM before it is Ready.

The keys of a stack file are checked by their own sections, and what one option takes by ``engine_options``.
Here are the combinations that people write. Further ones vLLM 0.33.0 refuses itself, when it starts.
"""

from collections.abc import Iterator, Mapping, Sequence

from elastic_vllm.catalog import engine_options
from elastic_vllm.catalog.engine_options import Given, OptionError
from elastic_vllm.catalog.option_values import number
from elastic_vllm.catalog.rows import ModelRow

_UNSET = ("", "None")


def check(words: Sequence[str], model: ModelRow) -> None:
    """Refuse, with an ``OptionError``, options that vLLM takes one by one and not together."""
    line = {given.name: given for given in engine_options.read(words) if not given.path}
    for option, fault in _faults(line, model):
        raise OptionError(line[option].index, f"{option}: {fault}")


def _faults(line: Mapping[str, Given], model: ModelRow) -> Iterator[tuple[str, str]]:
    """Each option to change, and what is wrong with it."""
    tokens, context = _count(line, "--max-num-batched-tokens"), _count(line, "--max-model-len")
    if _is(line, "--enable-chunked-prefill", on=False) and 0 < tokens < context:
        yield (
            "--max-num-batched-tokens",
            f"{tokens} is below the context of {context}, and prompts are not chunked",
        )
    method, dtype = _value(line, "--quantization"), _value(line, "--dtype")
    if method not in (*_UNSET, "fp8"):
        yield (
            "--quantization",
            f"{method!r} is not how {model.name} was quantized; leave it out, or use fp8",
        )
    if "fp8" in (model.precision, method) and dtype in ("float", "float32"):
        yield "--dtype", f"{dtype} does not go with FP8 weights; leave it out"
    if _is(line, "--enable-auto-tool-choice", on=True) and not _value(line, "--tool-call-parser"):
        yield "--enable-auto-tool-choice", "needs --tool-call-parser; Qwen3-VL uses the format of hermes"


def _value(line: Mapping[str, Given], name: str) -> str:
    return line[name].values[0] if name in line and line[name].values else ""


def _count(line: Mapping[str, Given], name: str) -> int:
    return int(number(_value(line, name)) or 0)


def _is(line: Mapping[str, Given], name: str, *, on: bool) -> bool:
    """Whether a switch is given, and turned this way."""
    return name in line and line[name].word.startswith(("--no-", "--disable-")) is not on
