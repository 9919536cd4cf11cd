"""The load model's data as types. A figure that neither cites a source nor states its basis does not load."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from fleet.drill.timeline import Assumption

PATH = Path(__file__).with_name("load_model.yaml")

ShapeName = Literal["text", "one-image", "several-images"]


class _Data(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class _Grounded(_Data):
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


class Figure(_Grounded):
    """One number with its unit and its ground."""

    value: float
    unit: str

    def assumption(self, name: str) -> Assumption | None:
        """The figure as a report prints it, unless it has a source."""
        if self.basis is None:
            return None
        return Assumption(name=name, value=f"{self.value:g} {self.unit}", basis=self.basis)


class Peak(_Grounded):
    """What one GPU can do at most."""

    gigabytes_per_second: float = Field(gt=0)
    tflops: float = Field(gt=0)
    fp8_tflops: float | None
    interconnect: Literal["pcie", "nvlink"]


class Lengths(_Data):
    """A bounded log-normal distribution of tokens."""

    median: float = Field(gt=0)
    spread: float = Field(ge=0)
    least: int = Field(ge=1)
    most: int

    def __str__(self) -> str:
        return f"median {self.median:g} ({self.least} to {self.most})"


class Shape(_Grounded):
    """One kind of request."""

    images: tuple[int, int]
    """The fewest and the most."""
    prompt: Lengths
    answer: Lengths


class BatchDefault(_Data):
    """vLLM's batch limits from this much memory upwards."""

    least_gib: float
    a100: bool
    """Whether the row holds for an A100 too."""
    sequences: int
    tokens: int


class _BatchDefaults(_Grounded):
    rows: tuple[BatchDefault, ...]


class _Source(_Data):
    source: str = Field(min_length=20)
    as_of: date


class _Figures(_Data):
    """Every single number by name."""

    memory_efficiency: Figure
    compute_efficiency: Figure
    step_overhead_seconds: Figure
    pcie_scaling: Figure
    nvlink_scaling: Figure
    engine_memory_gib: Figure
    experts: Figure
    experts_per_token: Figure
    pixels_per_token: Figure
    patches_per_token: Figure
    image_pixels: Figure
    image_marker_tokens: Figure
    template_tokens: Figure
    request_seconds: Figure
    image_seconds: Figure
    token_seconds: Figure
    base_cores: Figure
    engine_cores: Figure
    worker_cores: Figure
    api_server_cores: Figure


class Table(_Data):
    """The whole file."""

    sources: dict[str, _Source]
    accelerators: dict[str, Peak]
    figures: _Figures
    vision_params_b: dict[str, Figure]
    batch_defaults: _BatchDefaults
    shapes: dict[ShapeName, Shape]

    @model_validator(mode="after")
    def _sources_exist(self) -> Self:
        figures = {name: getattr(self.figures, name) for name in type(self.figures).model_fields}
        parts: tuple[Mapping[str, _Grounded], ...] = (self.accelerators, figures, self.vision_params_b)
        grounded = [item for part in parts for item in part.items()]
        grounded += [("batchDefaults", self.batch_defaults), *self.shapes.items()]
        for name, row in grounded:
            if row.source is not None and row.source not in self.sources:
                raise ValueError(f"{name} cites {row.source!r}; sources has: {', '.join(self.sources)}")
        return self

    def batch(self, accelerator: str, memory_mib: int) -> BatchDefault:
        """vLLM's default batch limits on this GPU."""
        is_a100 = accelerator.startswith("a100")
        fitting = (row for row in self.batch_defaults.rows if memory_mib / 1024 >= row.least_gib)
        return next(row for row in fitting if row.a100 or not is_a100)

    def assumptions(self, size: str, accelerator: str, gpus: int) -> tuple[Assumption, ...]:
        """What a model of this size on these GPUs rests on without a source, in the order of the file."""
        peak = self.accelerators[accelerator]
        unused = {f"{kind}Scaling" for kind in ("pcie", "nvlink") if gpus == 1 or kind != peak.interconnect}
        named = {to_camel(name): getattr(self.figures, name) for name in type(self.figures).model_fields}
        found = [figure.assumption(name) for name, figure in named.items() if name not in unused]
        found.append(self.vision_params_b[size].assumption("visionParamsB"))
        if peak.basis is not None:
            value = f"{peak.gigabytes_per_second:g} GB/s, {peak.tflops:g} TFLOPS"
            found.insert(0, Assumption(name=f"{accelerator} peak", value=value, basis=peak.basis))
        for name, shape in self.shapes.items():
            if shape.basis is not None:
                value = f"prompt {shape.prompt}, answer {shape.answer}"
                found.append(Assumption(name=f"{name} requests", value=value, basis=shape.basis))
        return tuple(assumption for assumption in found if assumption is not None)


@cache
def table() -> Table:
    """The data, read once."""
    return Table.model_validate(yaml.safe_load(PATH.read_text(encoding="utf-8")))
