"""What every section of a stack file shares: strictness and the types of names."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Base of every section: a misspelt key is an error, a loaded value never changes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        defer_build=True,  # most sections are validated by a larger one, and need no validator of their own
        use_attribute_docstrings=True,
    )


def config_error(key: str, message: str, kind: str = "stack-file") -> PydanticCustomError:
    """The error for a rule over several keys of a section: raised on the section, laid at ``key`` inside it.

    ``kind`` is the id of the finding that it becomes, where it is one with a name of its own.

    ``key`` is a path as the file spells it (``replicas.min``). Pydantic knows only where the section is; what
    prints the error joins the two, so that it names the key to change.
    """
    return PydanticCustomError("config_error", "{message}", {"message": message, "key": key, "kind": kind})


Name = Annotated[
    str,
    Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40, examples=["chat", "l4"]),
]
"""A name that becomes part of Kubernetes object names: RFC 1035, and short enough to take suffixes."""

Quantity = Annotated[
    str,
    Field(pattern=r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=20, examples=["8", "500m"]),
]
"""A Kubernetes quantity, written as a string."""


def near(word: str, known: Iterable[str]) -> str:
    """``did you mean …? `` where a known word is close to this one; else nothing."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {found[0]}? " if found else ""


def catalogued(kind: str, rows: Callable[[], Iterable[str]], name: str) -> str:
    """Refuse a name that the catalogue does not have."""
    known = list(rows())
    if name not in known:
        hint = near(name, known)
        raise ValueError(f"unknown {kind} {name!r}; {hint}the catalogue has: {', '.join(known)}")
    return name


def frozen(value: object) -> object:
    """Lists as tuples, which is what a strict tuple field takes."""
    if isinstance(value, Mapping):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def _counted(value: object) -> object:
    if isinstance(value, bool):  # equal to 1 and 0, so a Literal would take it
        raise ValueError(f"{str(value).lower()} is not a number; take one of: 1, 2, 4, 8")  # noqa: TRY004
    return value


GpuCount = Annotated[Literal[1, 2, 4, 8], BeforeValidator(_counted)]
"""GPUs that work together: powers of two, as machines have them and attention heads divide."""
GroupGpuCount = Annotated[Literal[1, 2, 4, 8, 16, 32], BeforeValidator(_counted)]
"""The same over all nodes of a group."""
GroupNodeCount = Annotated[Literal[1, 2, 4], BeforeValidator(_counted)]
"""Nodes that work together."""
