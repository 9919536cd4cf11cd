"""Writes ``docs/keys.md``, every key of a stack file, from its schema."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.generate import stack_schema as schema

PATH = Path("docs/keys.md")
_HEAD = """<!-- Generated from the stack file's schema by `make docs`; do not edit. -->
# Keys of a stack file

Every key with its type, its default and its bounds. Keys without a default are required. Each section is an
object under `config:`; a key that is not listed here is an error.
"""
_SHOWN_CHOICES = 12

Schema = Mapping[str, Any]
"""A JSON schema, or a part of one: its values have no common type."""


def text() -> str:
    """The page: the sections, then each object where it first stands."""
    whole = schema.schema()
    defs = _mapping(whole["$defs"])
    config = _mapping(_mapping(whole["properties"])["config"])
    sections = _mapping(config["properties"])
    places = _places({key.partition(":")[2]: found for key, found in sections.items()}, defs)
    objects = (_object(name, place, defs[name]) for name, place in places.items())
    return "".join((_HEAD, _table("Sections", "", sections, config["required"]), *objects))


def _places(properties: Schema, defs: Schema) -> dict[str, str]:
    """Where each object stands in the file, in the file's order: ``models[].engine``."""
    places: dict[str, str] = {}
    queue = list(properties.items())
    for path, found in queue:  # grows as it goes: breadth first
        for name, suffix in _references(found):
            if name not in places:
                places[name] = path + suffix
                inner = _mapping(defs[name]).get("properties", {})
                queue += [(f"{path}{suffix}.{key}", value) for key, value in inner.items()]
    return places


def _references(found: Schema, suffix: str = "") -> Iterator[tuple[str, str]]:
    if "$ref" in found:
        yield found["$ref"].rpartition("/")[2], suffix
    for word in ("anyOf", "oneOf"):
        for one in found.get(word, ()):
            yield from _references(one, suffix)
    if found.get("type") == "array" and isinstance(found.get("items"), Mapping):
        yield from _references(found["items"], suffix + "[]")


def _object(name: str, place: str, found: Schema) -> str:
    about = f"At `{place}`. {found.get('description', '')}"
    return _table(name, about, found["properties"], found.get("required", ()))


def _mapping(value: object) -> Schema:
    assert isinstance(value, Mapping)
    return value


def _table(title: str, about: str, properties: Schema, required: Any) -> str:
    rows = "".join(_rows(properties, required))
    about = f"{_prose(about)}\n\n" if about else ""
    return f"\n## {title}\n\n{about}| key | type | default | description |\n|---|---|---|---|\n{rows}"


def _rows(properties: Schema, required: Any) -> Iterator[str]:
    for key, found in properties.items():
        default = "required" if key in required else _default(found)
        yield f"| `{key}` | {_type(found)} | {default} | {_prose(found.get('description', ''))} |\n"


def _default(found: Schema) -> str:
    if "default" not in found:
        return "–"
    value = found["default"]
    return "–" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _type(found: Schema) -> str:
    """A type in words, with its bounds; another section is a link."""
    if several := found.get("anyOf") or found.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(one) for one in several if one.get("type") != "null"))
    if choices := found.get("enum") or ([found["const"]] if "const" in found else []):
        return _choices([str(choice) for choice in choices])
    if "$ref" in found:
        name = found["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    return _container(found) or str(found.get("type", "any")) + _bounds(found)


def _container(found: Schema) -> str:
    if found.get("type") == "array":
        return f"list of {_type(found.get('items') or found.get('prefixItems', [{}])[0])}"
    if found.get("type") == "object" and isinstance(found.get("additionalProperties"), Mapping):
        return f"map to {_type(found['additionalProperties'])}"
    return ""


def _choices(choices: list[str]) -> str:
    shown = ", ".join(f"`{choice}`" for choice in choices[:_SHOWN_CHOICES])
    return shown + (f" and {len(choices) - _SHOWN_CHOICES} more" if len(choices) > _SHOWN_CHOICES else "")


def _bounds(found: Schema) -> str:
    signs = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    said = [f"{sign} {found[word]}" for word, sign in signs.items() if word in found]
    return f", {', '.join(said)}" if said else ""


def _prose(text: str) -> str:
    """One line for a table's cell."""
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
