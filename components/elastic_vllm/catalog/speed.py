"""How fast GPUs read memory and multiply, and what of that an engine reaches: ``speed.yaml`` as types."""

from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, model_validator

from elastic_vllm.catalog.grounds import Data, Figure, Grounded, Source, cited

PATH = Path(__file__).with_name("speed.yaml")


class Peak(Grounded):
    """What one GPU can do at most."""

    gigabytes_per_second: float = Field(gt=0)
    tflops: float = Field(gt=0)
    fp8_tflops: float | None
    interconnect: Literal["pcie", "nvlink"]


class Figures(Data):
    """Every single number by name."""

    memory_efficiency: Figure
    compute_efficiency: Figure
    step_overhead_seconds: Figure
    pcie_scaling: Figure
    nvlink_scaling: Figure


class Speed(Data):
    """The whole file."""

    sources: dict[str, Source]
    accelerators: dict[str, Peak]
    figures: Figures

    @model_validator(mode="after")
    def _sources_exist(self) -> Self:
        figures = {name: getattr(self.figures, name) for name in Figures.model_fields}
        cited(self.sources, [*self.accelerators.items(), *figures.items()])
        return self

    def scaling(self, accelerator: str) -> Figure:
        """What each doubling of GPUs that share every layer leaves of twice the speed."""
        linked = self.accelerators[accelerator].interconnect == "nvlink"
        return self.figures.nvlink_scaling if linked else self.figures.pcie_scaling


@cache
def speed() -> Speed:
    """The data, read once."""
    return Speed.model_validate(yaml.safe_load(PATH.read_text(encoding="utf-8")))
