"""Compares two plans of one stack: resources, findings and cost."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from elastic_vllm.spec.finding import Finding
from elastic_vllm.testing.values import mapping
from fleet.deploy.fields import MISSING, render_path, steps, value_changes
from fleet.deploy.fields import FieldChange as Changed
from fleet.deploy.fields import Path as FieldPath
from fleet.errors import bug
from fleet.plan.document import Difference, FieldChange, Plan, Resource, ResourceChange
from fleet.plan.replacing import replacement, strongest
from fleet.plan.revision import NotComparableError, Revision, unpacked


def against(plan: Plan, root: Path, ref: str) -> Plan:
    """The plan and its difference to the stack at ``ref``."""
    with unpacked(root, ref) as revision:
        return compared(plan, revision)


def compared(plan: Plan, revision: Revision) -> Plan:
    """Likewise, for a revision that is unpacked already. A plan that cannot be compared says why."""
    try:
        return _compared(plan, revision)
    except NotComparableError as reason:
        note = str(reason)
    except Exception as problem:  # noqa: BLE001  # the plan itself, and those of other stacks, are whole
        note = bug(problem)
    return _with(plan, Difference(ref=revision.ref, commit=revision.commit, comparable=False, note=note))


def _compared(plan: Plan, revision: Revision) -> Plan:
    before = revision.plan(plan.stack) if revision.has(plan.stack) else Plan(stack=plan.stack)
    is_new = not revision.has(plan.stack)
    comparable = bool(plan.resources) and (is_new or bool(before.resources))
    return _with(
        plan,
        Difference(
            ref=revision.ref,
            commit=revision.commit,
            note=_note(plan, before, revision, is_new=is_new),
            comparable=comparable,
            resources=resources(before.resources, plan.resources) if comparable else (),
            findings_gained=gained(before.findings, plan.findings),
            findings_lost=gained(plan.findings, before.findings),
            cost_before=before.cost.total if before.cost else None,
        ),
    )


def _note(plan: Plan, before: Plan, revision: Revision, *, is_new: bool) -> str:
    if not plan.resources:
        return "The program stops at the errors, so there is no graph to compare."
    if is_new:
        return f"{revision.ref} has no stack {plan.stack}: all of it is new."
    if not before.resources:
        return f"At {revision.ref} the program stopped at errors, so there is no graph to compare with."
    return ""


def _with(plan: Plan, found: Difference) -> Plan:
    return plan.model_copy(update={"difference": found})


def resources(before: Iterable[Resource], after: Iterable[Resource]) -> tuple[ResourceChange, ...]:
    """The change of each resource, by component. A resource that moved by an alias is the same."""
    now = list(after)
    then = _by_their_new_urn(before, now)
    changes = [
        *(_one(then.get(item.urn), item, now) for item in now),
        *(_gone(item) for urn, item in then.items() if urn not in {item.urn for item in now}),
    ]
    real = [change for change in changes if change]
    return tuple(sorted(real, key=lambda change: (change.component, change.name, change.urn)))


def gained(before: Iterable[Finding], after: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that were not there before; other figures in one do not make it another."""
    known = {_identity(item) for item in before}
    return tuple(item for item in after if _identity(item) not in known)


def _identity(item: Finding) -> tuple[str, str, str]:
    """A finding by its rule and its place: the name of the pool or model, which an index is not."""
    place = item.key.partition(".")[2] if item.subject else item.key
    return item.id, item.subject, place


def _by_their_new_urn(before: Iterable[Resource], after: Iterable[Resource]) -> dict[str, Resource]:
    present = {item.urn for item in after}
    renamed = {alias: item.urn for item in after for alias in item.aliases}
    return {item.urn if item.urn in present else renamed.get(item.urn, item.urn): item for item in before}


def _one(before: Resource | None, after: Resource, now: list[Resource]) -> ResourceChange | None:
    if before is None:
        return _change("add", after)
    fields = tuple(
        _field(after, change)
        for change in value_changes(before.properties, after.properties)
        if not _ignored(change.path, after.ignore_changes)
    )
    if not fields:
        return None
    verdict = strongest([field.replacement for field in fields])
    return _change("replace" if verdict == "yes" else "change", after).model_copy(
        update={
            "fields": fields,
            "replacement": verdict,
            "protected": before.protect,
            "readers": sum(after.urn in item.reads for item in now) if verdict != "no" else 0,
        }
    )


def _gone(item: Resource) -> ResourceChange:
    return _change("remove", item).model_copy(update={"protected": item.protect, "retained": item.retain})


def _change(action: Literal["add", "change", "replace", "remove"], item: Resource) -> ResourceChange:
    return ResourceChange(
        action=action, urn=item.urn, type=item.type, name=item.name, component=item.component
    )


def _field(item: Resource, change: Changed) -> FieldChange:
    path = render_path(change.path)
    return FieldChange(
        path=path,
        option=_option(item.properties, change.path),
        before=_json(change.before),
        after=_json(change.after),
        replacement=replacement(item.type, path),
    )


def _option(value: object, path: FieldPath) -> str:
    """The option that a word of a command line belongs to: ``args[8]`` alone says little."""
    for step in path[:-1]:
        inner = dict(zip(steps(value), value, strict=True)) if isinstance(value, list) else mapping(value)
        value = inner.get(step)
    index = path[-1].strip("[]")
    if not isinstance(value, list) or not index.isdigit() or not 0 < int(index) < len(value):
        return ""
    before = str(value[int(index) - 1])
    return before if before.startswith("--") else ""


def _ignored(path: FieldPath, ignored: tuple[str, ...]) -> bool:
    rendered = render_path(path)
    return any(rendered == entry or rendered.startswith((f"{entry}.", f"{entry}[")) for entry in ignored)


def _json(value: object) -> JsonValue:
    """A property's value, which is JSON already; one that is absent is nothing."""
    if value is MISSING:
        return None
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
