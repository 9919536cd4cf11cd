"""How two versions of an object differ: field paths, old and new values, and their text. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from elastic_vllm.testing.values import SECRET_TEXT, Secret, Unknown, mapping
from fleet.kube.objects import Object

Path = tuple[str, ...]
"""Steps into an object: a key, ``[3]`` for an item of a list, ``[=vllm]`` for the item named vllm."""

_ITEM_KEYS: Final = ("name", "mountPath", "containerPort", "port", "topologyKey", "type", "key", "ip")
_SERVER_SIDE: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
)


class Missing:
    """The type of ``MISSING``: there is no value at this path."""

    def __repr__(self) -> str:
        return "(none)"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


@dataclass(frozen=True)
class FieldChange:
    """One field that changes; a secret in it does not print."""

    path: Path
    before: object
    after: object
    forces_replacement: bool = False

    def __str__(self) -> str:
        note = "  (forces replacement)" if self.forces_replacement else ""
        return f"{render_path(self.path)}: {_render(self.before)} → {_render(self.after)}{note}"


def differences(before: Object, after: Object) -> list[FieldChange]:
    """The fields in which two versions of an object differ, without those that the apiserver keeps itself."""
    return list(_compare((), _declarable(before), _declarable(after)))


def value_changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[FieldChange]:
    """The fields in which two sets of plain properties differ, whatever they belong to."""
    return list(_compare((), before, after))


def overlaps(path: Path, other: Path) -> bool:
    """Whether one path leads to the other; an item by name and one by index may be the same."""
    return all(
        one == two or (one.startswith("[") and two.startswith("[") and ("=" in one) != ("=" in two))
        for one, two in zip(path, other, strict=False)
    )


def steps(values: list[object]) -> list[str]:
    """How the items of a list are called in a path: by their names where they have distinct ones."""
    key = item_key(values)
    return [f"[={mapping(item)[key]}]" if key else f"[{index}]" for index, item in enumerate(values)]


def item_key(values: list[object]) -> str:
    """The key that tells a list's items apart, as ``name`` does for containers; empty if none does."""
    entries = [mapping(item) for item in values]
    for key in _ITEM_KEYS:
        names = {str(entry[key]) for entry in entries if key in entry}
        if entries and len(names) == len(entries):
            return key
    return ""


def render_path(path: Path) -> str:
    """A path as text: ``spec.template.spec.containers[vllm].args[12]``."""
    rendered = ""
    for step in path:
        if step.startswith("["):
            rendered += step.replace("[=", "[", 1)
        elif step.replace("-", "_").isidentifier():
            rendered += f".{step}" if rendered else step
        else:
            rendered += f"[{json.dumps(step)}]"
    return rendered


def _declarable(item: Object) -> Object:
    metadata = {k: v for k, v in mapping(item.get("metadata")).items() if k not in _SERVER_SIDE}
    return {**{k: v for k, v in item.items() if k != "status"}, "metadata": metadata}


def _compare(path: Path, before: object, after: object) -> Iterator[FieldChange]:
    if isinstance(before, Mapping | Missing) and isinstance(after, Mapping | Missing) and (before or after):
        before, after = mapping(before), mapping(after)
        for key in sorted({*before, *after}):
            yield from _compare((*path, key), before.get(key, MISSING), after.get(key, MISSING))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(path, before, after)
    elif type(before) is not type(after) or before != after:
        yield FieldChange(path, before, after)


def _compare_lists(path: Path, before: list[object], after: list[object]) -> Iterator[FieldChange]:
    if (key := item_key(before)) and key == item_key(after):
        old = dict(zip(steps(before), before, strict=True))
        new = dict(zip(steps(after), after, strict=True))
        for step in dict.fromkeys([*old, *new]):
            yield from _compare((*path, step), old.get(step, MISSING), new.get(step, MISSING))
        return
    matcher = SequenceMatcher(None, _texts(before), _texts(after), autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield from _pairs(path, before, after, (old_start, old_end, new_start, new_end))


def _pairs(
    path: Path, before: list[object], after: list[object], span: tuple[int, int, int, int]
) -> Iterator[FieldChange]:
    old_start, old_end, new_start, new_end = span
    for offset in range(max(old_end - old_start, new_end - new_start)):
        old, new = old_start + offset, new_start + offset
        was = before[old] if old < old_end else MISSING
        becomes = after[new] if new < new_end else MISSING
        yield from _compare((*path, f"[{new if new < new_end else old}]"), was, becomes)


def _texts(values: list[object]) -> list[str]:
    return [json.dumps(value, sort_keys=True, default=repr) for value in values]


def _render(value: object) -> str:
    if isinstance(value, Missing | Unknown):
        return repr(value)
    if isinstance(value, Secret):
        return SECRET_TEXT
    return json.dumps(value, ensure_ascii=False, default=repr)
