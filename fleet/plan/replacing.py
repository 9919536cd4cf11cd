"""Which changed properties replace a resource. The provider's plugin decides, and no plugin runs here.

For Kubernetes the answer is known: its provider lists what it replaces for, and all else is an update, which
the apiserver takes or refuses. For a cloud's resources ``replacing.yaml`` of the cloud's folder has what was
looked up; the rest cannot be known offline, and ``maybe`` is the answer.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from elastic_vllm import clouds
from fleet.plan.document import Replacement

_NEVER = ("tags", "tagsAll")
"""Labels, which a cloud changes in place."""


class _Row(BaseModel):
    """Known properties of one resource type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replaces: tuple[str, ...] = ()
    """Properties, or the beginnings of their paths, whose change replaces the resource."""
    updates: tuple[str, ...] = ()
    """Those that change in place."""


_TABLE = TypeAdapter(dict[str, _Row])


@cache
def _table() -> Mapping[str, _Row]:
    files = [
        Path(__file__).with_name("replacing.yaml"),
        *Path(clouds.__file__).parent.glob("*/replacing.yaml"),
    ]
    found = [_TABLE.validate_python(yaml.safe_load(file.read_bytes())["types"]) for file in files]
    return {name: row for table in found for name, row in table.items()}


def replacement(resource_type: str, path: str) -> Replacement:
    """Whether a change at ``path`` replaces a resource of this type. A longer entry of the table wins."""
    row = _table().get(resource_type) or _Row()
    kubernetes = resource_type.startswith("kubernetes:")
    known: list[tuple[str, Replacement]] = [
        *((entry, "yes") for entry in row.replaces),
        *((entry, "no") for entry in row.updates),
        *((entry, "yes") for entry in ("metadata.name", "metadata.namespace") if kubernetes),
        *((entry, "no") for entry in _NEVER if not kubernetes),
    ]
    matching = [(entry, answer) for entry, answer in known if _is_under(path, entry)]
    if matching:
        return max(matching, key=lambda item: len(item[0]))[1]
    return "no" if kubernetes else "maybe"


def strongest(answers: list[Replacement]) -> Replacement:
    """The strongest of several answers."""
    return next((answer for answer in ("yes", "maybe") if answer in answers), "no")


def _is_under(path: str, entry: str) -> bool:
    """Whether the path is the entry, or lies in it; items of lists do not count."""
    bare = re.sub(r"\[\d+\]|\[[\w./-]+\]", "", path)
    return bare == entry or bare.startswith((f"{entry}.", f"{entry}["))
