"""Planned inputs against Google's own description of its APIs: the discovery documents, dated, offline.

``request`` turns what a resource was planned with into the body that would be sent; an input that no rule
consumes is an error. ``problems`` finds what the document does not have, in names, types and enums, and what
Google could do nothing without. The documents come with google-api-python-client; its code is not used.
"""

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from elastic_vllm.testing.registration import Registration
from elastic_vllm.testing.values import items, mapping, text
from tests.gcp_rules import CALLS, NEEDED, Call, Converted, Rules, Section


class UnconsumedInputError(AssertionError):
    """A planned input that no rule knows, hence that nothing has checked."""


@cache
def document(api: str) -> Mapping[str, object]:
    """One discovery document, as the package has it."""
    package = importlib.util.find_spec("googleapiclient")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "discovery_cache" / "documents" / f"{api}.json"
    return mapping(json.loads(path.read_text()))


def request(planned: Registration) -> tuple[Call, Mapping[str, object]]:
    """The call that would create the resource, and its body."""
    call = CALLS.get(planned.type)
    if call is None:
        raise UnconsumedInputError(f"{planned.name}: nothing checks a {planned.type}; add it to CALLS")
    body = translated(planned.inputs, call.rules, planned.name)
    if call.named:
        body[call.named] = f"{planned.name}-1a2b3c4"
    return call, {call.inside: body} if call.inside else body


def translated(inputs: Mapping[str, object], rules: Rules, at: str) -> dict[str, object]:
    """The inputs as the API spells them."""
    body: dict[str, object] = {}
    for key, value in inputs.items():
        if key not in rules:
            raise UnconsumedInputError(f"{at}.{key} is consumed by no rule")
        match rules[key]:
            case None:
                continue
            case str(path):
                _put(body, path, value)
            case Converted(to=path, by=convert):
                _put(body, path, convert(value))
            case Section(to=path, rules=inner, also=also):
                blocks = [
                    {**translated(mapping(item), inner, f"{at}.{key}"), **also}
                    for item in (value if isinstance(value, list) else [value])
                ]
                _put(body, path, blocks if isinstance(value, list) else blocks[0])
    return body


def _put(body: dict[str, object], path: str, value: object) -> None:
    head, dot, rest = path.partition(".")
    if dot:
        inner = dict(mapping(body.get(head)))
        _put(inner, rest, value)
        value = inner
    known = body.get(head)
    body[head] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value


def problems(api: str, schema: str, body: object, at: str = "") -> Iterator[str]:
    """All that is wrong with a body, by Google's own words."""
    yield from _object(api, schema, mapping(mapping(document(api)["schemas"])[schema]), body, at)


def _object(api: str, schema: str, described: Mapping[str, object], body: object, at: str) -> Iterator[str]:
    members = mapping(described.get("properties"))
    given = mapping(body)
    if not isinstance(body, Mapping):
        yield f"{at}: {body!r} is no {schema}"
    for name, value in given.items():
        if name not in members:
            yield f"{at}.{name}: {schema} has no such member"
        else:
            yield from _value(api, mapping(members[name]), value, f"{at}.{name}")
    required = {
        name for name, about in members.items() if text(mapping(about).get("description"))[:9] == "Required."
    }
    for name in sorted({*required, *NEEDED.get(schema, ())} - set(given)):
        yield f"{at}.{name}: {schema} is nothing without it"


def _value(api: str, about: Mapping[str, object], value: object, at: str) -> Iterator[str]:
    if about.get("readOnly"):
        yield f"{at}: only Google sets it"
    if "$ref" in about:
        yield from problems(api, text(about["$ref"]), value, at)
    elif not _KINDS[text(about.get("type"))](value):
        yield f"{at}: {value!r} is no {text(about.get('type'))}"
    else:
        yield from _scalar(about, value, at)
        yield from _inside(api, about, value, at)


def _scalar(about: Mapping[str, object], value: object, at: str) -> Iterator[str]:
    if "enum" in about and value not in items(about["enum"]):
        yield f"{at}: {value!r} is not one of {items(about['enum'])}"
    if about.get("format") == "int64" and isinstance(value, str) and not value.isdigit():
        yield f"{at}: {value!r} is no number in a string"


def _inside(api: str, about: Mapping[str, object], value: object, at: str) -> Iterator[str]:
    for index, item in enumerate(items(value)):
        yield from _value(api, mapping(about["items"]), item, f"{at}[{index}]")
    if "properties" in about:  # described in place, without a name
        yield from _object(api, at.rpartition(".")[2], about, value, at)
        return
    for key, item in mapping(value).items():
        yield from _value(api, mapping(about["additionalProperties"]), item, f"{at}.{key}")


_KINDS: Mapping[str, Callable[[object], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, Mapping),
    "string": lambda value: isinstance(value, str),
}
