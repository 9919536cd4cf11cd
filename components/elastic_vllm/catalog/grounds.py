"""Single figures that each cite a source or state the basis on which they are assumed, for tables of them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from elastic_vllm.section import Section


class Data(Section):
    """Read from a file. Not every program that knows the types reads the figures, or their texts."""

    model_config = ConfigDict(use_attribute_docstrings=False)


class Grounded(Data):
    """Rests on exactly one of the two."""

    source: str | None = None
    """A key of the file's ``sources``."""
    basis: str | None = Field(default=None, min_length=20)
    """What the figure is assumed on, where there is no source."""

    @model_validator(mode="after")
    def _one_ground(self) -> Self:
        if (self.source is None) == (self.basis is None):
            raise ValueError("give either source or basis")
        return self


class Figure(Grounded):
    """One number with its unit and its ground."""

    value: float
    unit: str


class Source(Data):
    """What figures cite, and when it held."""

    source: str = Field(min_length=20)
    as_of: date


def cited(sources: Mapping[str, Source], rows: Iterable[tuple[str, Grounded]]) -> None:
    """Refuse a row that cites what is not there."""
    for name, row in rows:
        if row.source is not None and row.source not in sources:
            raise ValueError(f"{name} cites {row.source!r}; sources has: {', '.join(sources)}")
