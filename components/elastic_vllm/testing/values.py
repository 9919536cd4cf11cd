"""Plain property values, and the two marks that Pulumi's wire puts on them: secret and not yet known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SECRET_TEXT: Final = "[secret]"  # noqa: S105  # what is shown in its place


@dataclass(frozen=True)
class Secret:
    """A value that only the apiserver may see; every way of printing it hides it."""

    value: object = field(repr=False)

    def __str__(self) -> str:
        return SECRET_TEXT

    __repr__ = __str__


class Unknown:
    """The type of ``UNKNOWN``: a value that exists only after an update."""

    def __repr__(self) -> str:
        return "(known after up)"


UNKNOWN: Final = Unknown()


def mapping(value: object) -> Mapping[str, object]:
    """``value`` where it is a mapping, else an empty one: for reading objects of unknown shape."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[object]:
    """``value`` where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """``value`` where it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def secret_strings(value: object, *, inside: bool = False) -> frozenset[str]:
    """Every string under a secret mark, so that text from elsewhere can be searched for it."""
    if isinstance(value, Secret):
        return secret_strings(value.value, inside=True)
    if isinstance(value, Mapping):
        return frozenset().union(*(secret_strings(item, inside=inside) for item in value.values()))
    if isinstance(value, list | tuple):
        return frozenset().union(*(secret_strings(item, inside=inside) for item in value))
    return frozenset({value}) if inside and isinstance(value, str) and value else frozenset()
