"""What is wrong with an option's value, by the kind the option declares. Kinds it cannot judge pass."""

import json
import re
from collections.abc import Callable, Sequence

_HUMAN_INT = re.compile(r"\d+|\d+(\.\d+)?[kmgtKMGT]")


def _is_int(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", value) is not None


def _is_float(value: str) -> bool:
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


_KINDS: dict[str, tuple[Callable[[str], bool], str]] = {
    "int": (_is_int, "a whole number"),
    "float": (_is_float, "a number"),
    "human_readable_int": (
        lambda v: _HUMAN_INT.fullmatch(v) is not None,
        "a whole number such as 8192 or 8k",
    ),
    "human_readable_int_or_auto": (
        lambda v: v in ("auto", "-1") or _HUMAN_INT.fullmatch(v) is not None,
        "a whole number such as 32768 or 32k, or auto",
    ),
    "loads": (_is_json, "JSON"),
    "parse_dataclass": (_is_json_object, 'a JSON object such as {"key": 1}'),
    "_parse_type": (_is_json_object, 'a JSON object such as {"key": 1}'),
}

_DOTTED = ("loads", "parse_dataclass", "_parse_type", "union_dict_and_str", "_optional_type")
"""Kinds that vLLM builds from ``--option.key value``."""


def fault_of(value: str, kind: str, choices: Sequence[str] | None, *, dotted: bool) -> str | None:
    """What is wrong, or ``None``. Never repeats the value of a kind that could hold a secret."""
    if dotted:
        return None if kind in _DOTTED else "takes no key after a dot"
    if choices is not None and value not in choices:
        return f"{value!r} is not one of: {', '.join(choices)}"
    test, wanted = _KINDS.get(kind, (None, ""))
    if test is not None and not test(value):
        return f"{value!r} is not {wanted}"
    return None
