"""Pydantic's errors as sentences: which key, what was wrong with it, what exists, what to do."""

import difflib
import re
from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from elastic_vllm.section import Section
from elastic_vllm.spec.finding import STACK_FILE, Finding
from elastic_vllm.spec.keys import Place, keys_of, place_of, sections_in, subject_of, tags_of
from elastic_vllm.spec.stack import StackConfig

_Context = Mapping[str, object]

_SECTION = "must be a section of keys and values, not {shown}"
_SENTENCES: Mapping[str, str] = {
    "int_type": "{shown} is not a whole number; write it without quotes",
    "float_type": "{shown} is not a number that can be used here; write it without quotes",
    "int_from_float": "{shown} is not a whole number",
    "finite_number": "{shown} is not a finite number",
    "bool_type": "{shown} is neither true nor false",
    "string_type": "{shown} is not text; put it in quotes if it is meant",
    "greater_than_equal": "{shown} is too small; the minimum is {ge:.12g}",
    "greater_than": "{shown} is too small; it must be above {gt:.12g}",
    "less_than_equal": "{shown} is too large; the maximum is {le:.12g}",
    "less_than": "{shown} is too large; it must be below {lt:.12g}",
    "string_too_short": "{shown} is too short; it needs {min_length} characters or more",
    "string_too_long": "{shown} is too long; the maximum is {max_length} characters",
    "too_short": "has {actual_length} items; it needs {min_length} or more",
    "too_long": "has {actual_length} items; the maximum is {max_length}",
    "tuple_type": "must be a list, not {shown}",
    "dict_type": _SECTION,
    "model_type": _SECTION,
    "model_attributes_type": _SECTION,
    "invalid_key": "the key {shown} is not text; put it in quotes if it is meant",
    "value_error": "{error}",
    "config_error": "{message}",
}
"""By pydantic's type of error; the fields are pydantic's context, and the value as it stood."""


def findings_of(
    problem: ValidationError, raw: object, root: type[Section] = StackConfig
) -> tuple[Finding, ...]:
    """One finding for each error, follow-on errors of the same mistake left out."""
    errors = problem.errors(include_url=False)
    misspelt = {_meant(error, root) for error in errors if error["type"] == "extra_forbidden"}
    return tuple(
        _finding(error, raw, root)
        for error in errors
        if not _follows(error) and not (error["type"] == "missing" and error["loc"] in misspelt)
    )


def _finding(error: ErrorDetails, raw: object, root: type[Section]) -> Finding:
    place = place_of(error["loc"], root)
    context = cast("_Context", error.get("ctx", {}))  # pydantic types it as a dict of Any
    inner = context.get("key")  # of a rule over several keys
    if error["type"].startswith("union_tag"):
        inner = str(context["discriminator"]).strip("'")
    key = ".".join(part for part in (place.key, inner) if isinstance(part, str) and part)
    return Finding(
        id=str(context.get("kind", STACK_FILE.id)),
        severity="error",
        key=key or ("config" if root is StackConfig else "the file"),
        message=_message(error, place, context, root),
        subject=subject_of(error["loc"], raw),
    )


def _message(error: ErrorDetails, place: Place, context: _Context, root: type[Section]) -> str:
    kind, shown = error["type"], _shown(error["input"])
    match kind:
        case "missing":
            purpose = (place.field.description or "").split("\n")[0] if place.field else ""
            text = f"is required. {purpose}".strip()
        case "extra_forbidden":
            text = _unknown(error, place, root)
        case "union_tag_not_found":
            text = f"is required; it decides which other keys there are. {_one_of(place)}"
        case "union_tag_invalid":
            text = _not_among(repr(context["tag"]), str(context["expected_tags"]))
        case "literal_error":
            text = _not_among(shown, str(context["expected"]))
        case "string_pattern_mismatch":
            example = f", as in {place.field.examples[0]}" if place.field and place.field.examples else ""
            text = f"{shown} has the wrong form; it must match {context['pattern']}{example}"
        case _:
            sentence = _SENTENCES.get(kind)
            text = sentence.format(shown=shown, **context) if sentence else f"{shown}: {error['msg']}"
    return text


def _unknown(error: ErrorDetails, place: Place, root: type[Section]) -> str:
    if place.section is None:
        return "unknown key"
    meant = _meant(error, root)
    hint = f"did you mean {meant[-1]}? " if meant else ""
    return f"unknown key; {hint}This section has: {', '.join(keys_of(place.section))}"


def _meant(error: ErrorDetails, root: type[Section]) -> tuple[int | str, ...]:
    """The location that a misspelt key was most likely meant to be, if any is near."""
    section, word = place_of(error["loc"], root).section, str(error["loc"][-1])
    # Whatever was written with underscores or in another case is nearest to itself in camelCase.
    plain = {key.lower(): key for key in (keys_of(section) if section else ())}
    near = difflib.get_close_matches(word.replace("_", "").lower(), plain, n=1)
    return (*error["loc"][:-1], plain[near[0]]) if near else ()


def _follows(error: ErrorDetails) -> bool:
    """A list too short only because its items were refused, each with an error of its own."""
    context = error.get("ctx", {})
    return error["type"] == "too_short" and len(error["input"]) > context["actual_length"]


def _one_of(place: Place) -> str:
    kinds = sections_in(place.field.annotation) if place.field else ()
    return f"One of: {', '.join(str(tag) for kind in kinds for tag in tags_of(kind))}"


def _not_among(shown: str, expected: str) -> str:
    words = re.findall(r"'([^']*)'", expected)
    near = difflib.get_close_matches(shown.strip("'"), words, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{shown} is not one of {expected.replace(chr(39), '')}{hint}"


def _shown(value: object) -> str:
    """The value as it stood, short, and never the inside of a section or a list."""
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if (
        isinstance(value, int) and value.bit_length() > 200
    ):  # Python prints no integers of thousands of digits
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}…"
