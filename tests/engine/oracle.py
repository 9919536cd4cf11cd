"""Asks a vLLM about its own arguments. Run by the engine's Python, with the vLLM to ask first on its path.

    oracle.py table              the option table, as JSON
    oracle.py verdicts           for each JSON list of words on standard input, what becomes of it

A verdict is a JSON object on a line: ``stage`` is ``parse`` or ``config`` where the words fail, else ``ok``.
"""

import contextlib
import dataclasses
import io
import json
import sys
from collections.abc import Callable
from typing import Any

import vllm.config
from pydantic.fields import FieldInfo
from vllm.config.vllm import OptimizationLevel
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS
from vllm.model_executor.model_loader import _LOAD_FORMAT_TO_MODEL_LOADER
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.usage.usage_lib import UsageContext
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm.v1.attention.backends.registry import AttentionBackendEnum

try:  # 0.33.0 moved it
    from vllm.entrypoints.common.cli_args import make_arg_parser, validate_parsed_serve_args
except ImportError:
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args

Json = Any  # what json takes

REGISTRIES: dict[str, Callable[[], list[str]]] = {
    "--attention-backend": lambda: list(AttentionBackendEnum.__members__),
    "--load-format": lambda: list(_LOAD_FORMAT_TO_MODEL_LOADER),
    "--optimization-level": lambda: [str(level.value) for level in OptimizationLevel],
    "--quantization": lambda: list(QUANTIZATION_METHODS),
    "--reasoning-parser": ReasoningParserManager.list_registered,
    "--tool-call-parser": ToolParserManager.list_registered,
}
"""Options that take any string, of which only what is registered is ever found."""
BOUNDED = (
    "ModelConfig",
    "CacheConfig",
    "LoadConfig",
    "ParallelConfig",
    "SchedulerConfig",
    "MultiModalConfig",
    "LoRAConfig",
    "ObservabilityConfig",
    "UVAOffloadConfig",
    "PrefetchOffloadConfig",
    "VllmConfig",
)
"""Configurations whose fields are options of their own; what they allow is only checked after parsing."""


def parser() -> FlexibleArgumentParser:
    """The parser of ``vllm serve``."""
    return make_arg_parser(FlexibleArgumentParser(prog="vllm serve"))


def table() -> dict[str, Json]:
    """Every option by its canonical name."""
    made, limits = parser(), bounds()
    spellings: dict[int, list[str]] = {}
    for word, action in made._option_string_actions.items():
        spellings.setdefault(id(action), []).append(word)
    rows = {}
    for action in made._actions:
        if action.option_strings:
            name = next(word for word in action.option_strings if word.startswith("--"))
            rows[name] = row(action, name, spellings[id(action)], limits)
    return dict(sorted(rows.items()))


def row(action: Any, name: str, spellings: list[str], limits: dict[str, Json]) -> Json:
    """One option."""
    kind, fields = kind_of(action.type)
    written: dict[str, Json] = {
        "action": type(action).__name__,
        "all": list(action.option_strings),
        "choices": None if action.choices is None else list(action.choices),
        "default": plain(action.default),
        "hidden": sorted(set(spellings) - set(action.option_strings)),
        "nargs": action.nargs,
        "type": kind,
    }
    if fields:
        written["fields"] = fields
    if known := known_of(action, name):
        written["known"] = known
    if action.dest in limits:
        written["bounds"] = limits[action.dest]
    return written


def known_of(action: Any, name: str) -> list[str]:
    """The values that mean anything, where the parser takes any string."""
    if name in REGISTRIES:
        return sorted(REGISTRIES[name]())
    return list(action.metavar) if isinstance(action.metavar, list) else []


def kind_of(convert: Any) -> tuple[str, list[str]]:
    """The name of an option's type, and its fields where it is a dataclass. ``optional`` takes None too."""
    if convert is None:
        return "None", []
    name = convert.__name__
    inner = (
        [cell.cell_contents for cell in convert.__closure__ or ()] if hasattr(convert, "__closure__") else []
    )
    if name == "parse_dataclass":
        (cls,) = convert.__defaults__
        return "dataclass", sorted(field.name for field in dataclasses.fields(cls) if field.init)
    if name == "_parse_type":  # only used with json.loads, for a dict
        return "dict", []
    if name == "_optional_type":
        kind, fields = kind_of(inner[0])
        return f"optional {kind}", fields
    return "str" if name == "<lambda>" else name, []


def bounds() -> dict[str, Json]:
    """What each field's number must be: ``ge``, ``gt``, ``le``, ``lt``."""
    found: dict[str, Json] = {}
    for cls in (getattr(vllm.config, name) for name in BOUNDED):
        for field in dataclasses.fields(cls):
            if isinstance(field.default, FieldInfo):
                for rule in field.default.metadata:
                    for key in ("ge", "gt", "le", "lt"):
                        if (value := getattr(rule, key, None)) is not None:
                            found.setdefault(field.name, {})[key] = value
    return found


def plain(value: Json) -> Json:
    """A default as JSON, in short where it is a whole configuration."""
    text = json.dumps(value, default=str)
    return json.loads(text) if len(text) <= 80 else text[:80]


def verdict(made: FlexibleArgumentParser, words: list[str]) -> Json:
    """What becomes of one list of words."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            given = made.parse_args(words)
    except SystemExit:
        return {"stage": "parse", "says": said.getvalue().strip().splitlines()[-1:]}
    except Exception as problem:  # noqa: BLE001  # whatever vLLM raises is its verdict
        return {"stage": "parse", "says": [str(problem)[:300]]}
    try:
        validate_parsed_serve_args(given)
        given.model = given.model_tag or given.model
        AsyncEngineArgs.from_cli_args(given).create_engine_config(UsageContext.OPENAI_API_SERVER)
    except Exception as problem:  # noqa: BLE001
        return {"stage": "config", "says": [str(problem)[:300]]}
    return {"stage": "ok", "says": [given.model]}


def main() -> None:
    """Answer on the real standard output; all that vLLM prints goes to standard error."""
    out, sys.stdout = sys.stdout, sys.stderr
    if sys.argv[1] == "table":
        json.dump(table(), out)
        return
    made = parser()
    for line in sys.stdin:
        out.write(json.dumps(verdict(made, json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
