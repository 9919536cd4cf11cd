"""What happens to each resource, read from the steps that the Pulumi CLI reports."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pulumi.automation import events

from elastic_vllm.testing.values import UNKNOWN, Secret, items, mapping, text
from elastic_vllm.testing.wire import SECRET, SIGNATURE, UNKNOWN_TEXT
from fleet.deploy.fields import MISSING, FieldChange, Path, differences, overlaps, value_changes

_STEP: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|(\[\d+\])|([^.\[\]]+)')


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    RETAIN = "leave in place"
    UNCHANGED = "unchanged"


_SIGNS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "-",
    Action.RETAIN: "·",
    Action.UNCHANGED: "=",
}

_ACTIONS: Final = {
    "same": Action.UNCHANGED,
    "create": Action.CREATE,
    "import": Action.CREATE,
    "update": Action.UPDATE,
    "replace": Action.REPLACE,
    "import-replacement": Action.REPLACE,
    "delete": Action.DELETE,
    "discard": Action.DELETE,
    "refresh": Action.UPDATE,
    "read": Action.UNCHANGED,
}
"""Steps that are left out are parts of a replacement."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to one resource, and which of its fields change."""

    action: Action
    subject: str
    urn: str
    fields: tuple[FieldChange, ...] = ()
    note: str = ""

    def lines(self) -> list[str]:
        """The change as text: one line for the resource, one for each field."""
        note = f"  ({self.note})" if self.note else ""
        return [
            f"{_SIGNS[self.action]} {self.action} {self.subject}{note}",
            *(f"    {each}" for each in self.fields),
        ]


def change(step: events.StepEventMetadata, *, reading: bool = False) -> Change | None:
    """The change that a step makes; None for steps that are only a part of one, and for components.

    ``reading`` is for the steps of a refresh: what differs is what is really there.
    """
    state = step.new or step.old
    action = _ACTIONS.get(step.op)
    if state is None or action is None or not state.custom:
        return None
    reading = reading or step.op == "refresh"
    fields = tuple(_fields(step, reading=reading))
    note = ""
    if reading:
        action = Action.DELETE if step.new is None else Action.UPDATE if fields else Action.UNCHANGED
        note = "in the state only" if action is not Action.UNCHANGED else ""
    elif action is Action.DELETE and step.old is not None and step.old.retain_on_delete:
        action, note = Action.RETAIN, "retainOnDelete"
    elif action is Action.UPDATE and not fields and step.old is not None and step.old.init_errors:
        note = "it was not ready when it was last read; waits until it is"
    shown = fields if action in (Action.UPDATE, Action.REPLACE) else ()
    return Change(action=action, subject=subject(state), urn=step.urn, fields=shown, note=note)


def subject(state: events.StepEventStateMetadata) -> str:
    """What a person calls the resource: ``Deployment inference/chat``, or a cloud's type and name."""
    inputs = mapping(state.inputs)
    name = state.urn.rpartition("::")[2]
    kind, described = text(inputs.get("kind")), mapping(inputs.get("metadata"))
    if not state.type.startswith("kubernetes:") or not kind:
        return f"{state.type.replace('pulumi:providers:', 'provider ')} {name}"
    where = text(described.get("namespace"))
    called = text(described.get("name")) or name
    return f"{kind} {where}/{called}" if where else f"{kind} {called}"


def _fields(step: events.StepEventMetadata, *, reading: bool) -> Iterator[FieldChange]:
    """The differing inputs, then what only the provider knows to differ: secrets, and drift."""
    if step.old is None or step.new is None:
        return
    if reading:
        yield from differences(_plain(step.old.outputs), _plain(step.new.outputs))
        return
    old, new = _plain(step.old.inputs), _plain(step.new.inputs)
    detailed = {_path(written): kind for written, kind in (step.detailed_diff or {}).items()}
    replacing = [path for path, kind in detailed.items() if kind.diff_kind.endswith("-replace")]
    found = value_changes(old, new) if step.op != "same" else []
    for each in found:
        forces = any(overlaps(each.path, path) for path in replacing)
        yield _hidden(each.path, each.before, each.after, forces_replacement=forces)
    for path, kind in detailed.items():
        if not any(overlaps(each.path, path) for each in found):
            before = _at(old if kind.input_diff else _plain(step.old.outputs), path)
            yield _hidden(path, before, _at(new, path), forces_replacement=path in replacing)


def _hidden(path: Path, before: object, after: object, *, forces_replacement: bool) -> FieldChange:
    """Hides both values where one is secret: a program may drop the mark and keep the value."""
    if isinstance(before, Secret) or isinstance(after, Secret):
        before, after = (item if item is MISSING else Secret(None) for item in (before, after))
    return FieldChange(path, before, after, forces_replacement)


def _plain(values: Mapping[str, Any] | None) -> Mapping[str, object]:
    """Properties without those that a provider keeps for itself; marks as marks."""
    return {key: _marked(item) for key, item in (values or {}).items() if not key.startswith("__")}


def _marked(value: object) -> object:
    if value == UNKNOWN_TEXT:
        return UNKNOWN
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return Secret(None)
        return {str(key): _marked(item) for key, item in value.items()}
    return Secret(None) if value == "[secret]" else value


def _path(written: str) -> Path:
    """``spec.containers[0].args``, as the CLI writes it, as steps."""
    return tuple(quoted or index or key for quoted, index, key in _STEP.findall(written))


def _at(value: object, path: Path) -> object:
    """The value at a path; a secret hides all that lies below it."""
    for step in path:
        if isinstance(value, Secret):
            return value
        if step.startswith("["):
            index = int(step.strip("[]"))
            value = items(value)[index] if index < len(items(value)) else MISSING
        else:
            value = mapping(value).get(step, MISSING)
    return value
