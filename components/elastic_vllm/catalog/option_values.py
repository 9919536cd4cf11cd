"""An option of vLLM as its parser declares it, and what is wrong with a value. Unknown types pass."""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field


class Option(BaseModel):
    """One option as the parser declares it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str
    all: tuple[str, ...]
    """Spellings that ``--help`` shows."""
    hidden: tuple[str, ...]
    """Spellings that are accepted too."""
    choices: tuple[str | int | None, ...] | None
    """All that the parser takes."""
    known: tuple[str, ...] | None = None
    """All that means anything where the parser takes any string; plugins of vLLM could add to it."""
    fields: tuple[str, ...] | None = None
    """The keys of a JSON object that becomes a configuration."""
    bounds: Mapping[str, float] = Field(default_factory=dict)
    """What the number must be: ``ge``, ``gt``, ``le``, ``lt``."""
    default: object
    nargs: int | str | None
    type: str
    """The name of its type; after ``optional``, an empty word and ``None`` unset it."""

    @property
    def takes_value(self) -> bool:
        """Whether a value must follow; switches take none."""
        return self.nargs != 0

    @property
    def words(self) -> tuple[str, ...] | None:
        """The only values, where they are listed."""
        return self.known if self.choices is None else tuple(str(choice) for choice in self.choices)


_HUMAN_INT = re.compile(r"\d+|\d+(\.\d+)?[kmgtKMGT]")
_FACTORS = {letter: 1000**power for power, letter in enumerate("kmgt", start=1)} | {
    letter: 1024**power for power, letter in enumerate("KMGT", start=1)
}
_BOUNDS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "above"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "below"),
}


def _is_int(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", value) is not None


def is_float(value: str) -> bool:
    """Whether a word is a number."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _is_json_object(value: str) -> bool:
    return value.lstrip().startswith("{") and _is_json(value)


def _is_text_or_object(value: str) -> bool:
    return re.fullmatch(r"(?s)\s*{.*}\s*", value) is None or _is_json(value)


_KINDS: dict[str, tuple[Callable[[str], bool], str]] = {
    "int": (_is_int, "a whole number"),
    "float": (is_float, "a number"),
    "human_readable_int": (
        lambda v: _HUMAN_INT.fullmatch(v) is not None,
        "a whole number such as 8192 or 8k",
    ),
    "human_readable_int_or_auto": (
        lambda v: v in ("auto", "-1") or _HUMAN_INT.fullmatch(v) is not None,
        "a whole number such as 32768 or 32k, or auto",
    ),
    "loads": (_is_json, "JSON"),
    "dict": (_is_json_object, 'a JSON object such as {"key": 1}'),
    "dataclass": (_is_json_object, 'a JSON object such as {"key": 1}'),
    "union_dict_and_str": (_is_text_or_object, "JSON, which its braces promise"),
}
_JSON_KINDS = ("dict", "loads", "dataclass", "union_dict_and_str", "str")
"""Kinds that vLLM builds from ``--option.key value``; a ``str`` only where it is optional, as JSON text."""


def fault_of(value: str, option: Option, path: str = "") -> str | None:
    """What is wrong, or ``None``; ``path`` is what stood after a dot in the option's name."""
    kind = option.type.removeprefix("optional ")
    if path:
        return _fault_of_path(path, kind, option)
    if kind != option.type and value in ("", "None"):
        return None
    if option.words is not None and value not in option.words:
        return f"{value!r} is not one of: {', '.join(option.words)}"
    test, wanted = _KINDS.get(kind, (None, ""))
    if test is not None and not test(value):
        return f"{value!r} is not {wanted}"
    return _fault_of_bounds(value, option.bounds) or _fault_of_fields(value, option)


def _fault_of_path(path: str, kind: str, option: Option) -> str | None:
    if kind not in _JSON_KINDS or (kind == "str" and option.type == "str"):
        return "takes no key after a dot"
    key = path.partition(".")[0].removesuffix("+")
    return _unknown_key(key, option.fields) if option.fields else None


def _fault_of_fields(value: str, option: Option) -> str | None:
    if option.fields is None:
        return None
    unknown = (_unknown_key(key, option.fields) for key in json.loads(value))
    return next((fault for fault in unknown if fault), None)


def _unknown_key(key: str, fields: Sequence[str]) -> str | None:
    return None if key in fields else f"has no key {key!r}; it has: {', '.join(fields)}"


def _fault_of_bounds(value: str, bounds: Mapping[str, float]) -> str | None:
    found = number(value) if bounds else None
    if found is None:
        return None
    for rule, limit in bounds.items():
        holds, words = _BOUNDS[rule]
        if not holds(found, limit):
            return f"{value} is not {words} {limit:g}"
    return None


def number(value: str) -> float | None:
    """A number as vLLM reads it, ``8k`` and ``8K`` included; ``None`` where it is none."""
    factor = _FACTORS.get(value[-1:], 1)
    digits = value if factor == 1 else value[:-1]
    return float(digits) * factor if is_float(digits) else None
