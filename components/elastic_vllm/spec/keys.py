"""Where in a stack file a validation error lies: pydantic's location, turned into the path a person wrote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from elastic_vllm.section import Section
from elastic_vllm.spec.stack import StackConfig


@dataclass(frozen=True)
class Place:
    """A key of the file, and what the models know about it."""

    key: str
    section: type[Section] | None
    """The section that holds the key, where there is just one."""
    field: FieldInfo | None
    """The field behind the key; ``None`` for a key that does not exist."""


def place_of(location: Sequence[int | str], root: type[Section] = StackConfig) -> Place:
    """Walk the models along a location, dropping the tags of unions, which stand in no file."""
    sections: tuple[type[Section], ...] = (root,)
    holder, field, key = sections, None, ""
    for part in location:
        if isinstance(part, int):
            key += f"[{part}]"
            continue
        if part == "[key]":
            continue
        found = [f for s in sections for f in s.model_fields.values() if f.alias == part]
        tagged = () if found else tuple(s for s in sections if part in tags_of(s))
        if tagged:
            sections = holder = tagged
            continue
        key += f".{part}" if key else part
        holder, field = sections, found[0] if found else None
        sections = tuple(s for f in found for s in sections_in(f.annotation))
    return Place(key, holder[0] if len(set(holder)) == 1 else None, field)


def keys_of(section: type[Section]) -> tuple[str, ...]:
    """The keys a section may have, as the file spells them."""
    return tuple(field.alias or name for name, field in section.model_fields.items())


def subject_of(location: Sequence[int | str], raw: object) -> str:
    """The name that the pool or model around a location bears in the file, if it bears one."""
    if len(location) < 2 or not isinstance(raw, Mapping):
        return ""
    items, index = raw.get(location[0]), location[1]
    if not isinstance(items, Sequence) or not isinstance(index, int) or index >= len(items):
        return ""
    name = items[index].get("name") if isinstance(items[index], Mapping) else None
    return name if isinstance(name, str) and len(name) <= 40 else ""


def tags_of(section: type[Section]) -> tuple[object, ...]:
    """The values by which a union tells this section from its others."""
    literals = (f.annotation for f in section.model_fields.values() if get_origin(f.annotation) is Literal)
    return tuple(get_args(literal)[0] for literal in literals if len(get_args(literal)) == 1)


def sections_in(annotation: object) -> Iterator[type[Section]]:
    """The sections that a key may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from sections_in(argument)
