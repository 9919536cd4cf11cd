"""What a cloud does by default, as far as our objects rely on it: rows of its ``meanings.yaml``, typed.

The API models that tests read say how a request is spelled; these rows say what it means, since which
version, and by which source. Imports no SDK.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import Field, JsonValue, model_validator

from elastic_vllm.catalog import CloudName
from elastic_vllm.catalog.grounds import Data, Source
from elastic_vllm.catalog.tables import load
from elastic_vllm.placement import Resolver


class _Row(Data):
    """What every row says besides its value."""

    what: str = Field(min_length=20)
    """What it is, in a sentence."""
    since: str
    """The version from which it holds; ``always`` where no source knows another."""
    source: str
    """A key of the file's ``sources``."""


class Meaning(_Row):
    """One default of a cloud."""

    value: JsonValue


class ResolverMeaning(_Row):
    """A DNS server that pods ask: labels of pods in ``kube-system``, or a range of addresses."""

    value: dict[str, JsonValue] | str

    @property
    def resolver(self) -> Resolver:
        """The value as network policies take it."""
        if isinstance(self.value, str):
            return Resolver(cidr=self.value)
        return Resolver(pods={key: str(value) for key, value in self.value.items()})


class Meanings(Data):
    """All of one cloud."""

    sources: dict[str, Source]
    resolvers: dict[str, ResolverMeaning] = Field(min_length=1)
    defaults: dict[str, Meaning]

    @model_validator(mode="after")
    def _every_row_has_a_source(self) -> "Meanings":
        for name, row in {**self.resolvers, **self.defaults}.items():
            if row.source not in self.sources:
                raise ValueError(f"{name} cites {row.source!r}; sources has: {', '.join(self.sources)}")
        return self

    def value(self, name: str) -> JsonValue:
        """The value of a default."""
        return self.defaults[name].value


@cache
def meanings(cloud: CloudName) -> Meanings:
    """The table of a cloud, which lies in its folder."""
    return Meanings.model_validate(load(Path(__file__).parent / cloud / "meanings.yaml"))


def resolvers(cloud: CloudName) -> Sequence[Resolver]:
    """The DNS servers that pods of a cloud ask."""
    return tuple(row.resolver for row in meanings(cloud).resolvers.values())
