"""Server-side apply with what it takes around it: whose fields win, and what cannot be changed in place."""

import re
from dataclasses import dataclass
from typing import Final

from elastic_vllm.testing.errors import EngineError
from fleet.embedded.engine.changes import FieldChange, render_path, undeclared
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.objects import Object, Ref, annotation

_MANAGER: Final = re.compile(r'conflict with "([^"]+)"')
_IMMUTABLE: Final = re.compile(
    r"immutable|may not change once set|cannot change roleRef|may not be changed"
    r"|updates to \w+ spec for fields other than|pod updates may not change"
)


@dataclass(frozen=True)
class Result:
    """What the apiserver made of an apply."""

    live: Object
    note: str = ""


class ImmutableError(Exception):
    """The object can only be changed by deleting and creating it."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class ConflictError(EngineError):
    """A controller owns a field that the program declares, and wants another value there."""


def apply(api: Apiserver, ref: Ref, body: Object, *, dry_run: bool = False) -> Result:
    """Apply; take back what a person changed with kubectl, but leave a controller its fields.

    A person's edit of a declared field is drift, and the program is right. A controller, such as an HPA,
    would change its field again at once: then the program has to say whose the field is.
    """
    force = annotation(body, "pulumi.com/patchForce") == "true"
    try:
        return Result(api.apply(ref, body, force=force, dry_run=dry_run))
    except ApiError as error:
        if error.code == 409 and (managers := _managers(error)):
            return _apply_over(api, ref, body, managers, dry_run=dry_run)
        if immutable := _immutable_fields(error):
            raise ImmutableError(immutable) from None
        raise


def _apply_over(api: Apiserver, ref: Ref, body: Object, managers: dict[str, str], *, dry_run: bool) -> Result:
    others = {field: name for field, name in managers.items() if not name.startswith("kubectl")}
    if others:
        fields = ", ".join(f"{field.lstrip('.')} ({name})" for field, name in sorted(others.items()))
        raise ConflictError(
            f"{ref} declares what others manage: {fields}; leave the field out of the program, name it in "
            'ignoreChanges, or set the annotation pulumi.com/patchForce: "true"'
        )
    live = api.apply(ref, body, force=True, dry_run=dry_run)
    return Result(live, f"takes back what {', '.join(sorted(set(managers.values())))} changed")


def _managers(error: ApiError) -> dict[str, str]:
    """Who owns each field in conflict."""
    found = {field: _MANAGER.search(message) for field, message in error.causes}
    return {field: match.group(1) for field, match in found.items() if match}


def _immutable_fields(error: ApiError) -> tuple[str, ...]:
    """The fields that a refusal calls immutable; none if anything else is wrong as well."""
    if error.code != 422 or not error.causes:
        return ()
    if not all(_IMMUTABLE.search(message) for _, message in error.causes):
        return ()
    return tuple(dict.fromkeys(field for field, _ in error.causes))


def forcing(body: Object, live: Object, immutable: ImmutableError) -> list[FieldChange]:
    """The fields that differ, with those marked that make a replacement necessary."""
    return [
        FieldChange(change.path, change.before, change.after, _is_under(change, immutable.fields))
        for change in undeclared(body, live)
    ]


def _is_under(change: FieldChange, fields: tuple[str, ...]) -> bool:
    path = render_path(change.path)
    return any(path.startswith(field) or field.startswith(path) for field in fields)
