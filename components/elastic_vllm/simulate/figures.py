"""The load model's data as types. A figure that neither cites a source nor states its basis does not load."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from elastic_vllm.catalog import Efficiency, ModelRow, accelerators, efficiency
from elastic_vllm.catalog.grounds import Data, Figure, Grounded, Source, cited
from elastic_vllm.simulate.timeline import Assumption

PATH = Path(__file__).with_name("load_model.yaml")

ShapeName = Literal["text", "one-image", "several-images"]
_VISION_BASIS = "estimated from the vision section of config.json"


class Lengths(Data):
    """A bounded log-normal distribution of tokens."""

    median: float = Field(gt=0)
    spread: float = Field(ge=0)
    least: int = Field(ge=1)
    most: int

    def __str__(self) -> str:
        return f"median {self.median:g} ({self.least} to {self.most})"


class Shape(Grounded):
    """One kind of request."""

    images: tuple[int, int]
    """Minimum and maximum."""
    prompt: Lengths
    answer: Lengths


class _Figures(Data):
    """Every single number by name."""

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


class Table(Data):
    """The whole file."""

    sources: dict[str, Source]
    figures: _Figures
    shapes: dict[ShapeName, Shape]

    @model_validator(mode="after")
    def _sources_exist(self) -> Self:
        cited(self.sources, [*_named(self.figures).items(), *self.shapes.items()])
        return self

    @property
    def image_patches(self) -> float:
        """What the vision tower computes of one image."""
        tokens = self.figures.image_pixels.value / self.figures.pixels_per_token.value
        return tokens * self.figures.patches_per_token.value

    def assumptions(self, row: ModelRow, accelerator: str, gpus: int) -> tuple[Assumption, ...]:
        """What a checkpoint on so many GPUs of a node rests on without a source, in the files' order."""
        known, peak = efficiency(), accelerators()[accelerator].peak
        found = []
        if peak.basis is not None:
            value = f"{peak.gigabytes_per_second:g} GB/s, {peak.tflops:g} TFLOPS"
            found.append(Assumption(name=f"{accelerator} peak", value=value, basis=peak.basis))
        for name, figure in {**_named(known), **_named(self.figures)}.items():
            unused = name.endswith("Scaling") and (gpus == 1 or figure is not known.scaling(peak))
            if figure.basis is not None and not unused:
                found.append(
                    Assumption(name=name, value=f"{figure.value:g} {figure.unit}", basis=figure.basis)
                )
        vision = f"{row.vision_params_b:g} billion parameters"
        found.append(Assumption(name="visionParamsB", value=vision, basis=_VISION_BASIS))
        for name, shape in self.shapes.items():
            if shape.basis is not None:
                value = f"prompt {shape.prompt}, answer {shape.answer}"
                found.append(Assumption(name=f"{name} requests", value=value, basis=shape.basis))
        return tuple(found)


def _named(figures: Efficiency | _Figures) -> Mapping[str, Figure]:
    return {to_camel(name): getattr(figures, name) for name in type(figures).model_fields}


@cache
def table() -> Table:
    """The data, read once."""
    return Table.model_validate(yaml.safe_load(PATH.read_text(encoding="utf-8")))
