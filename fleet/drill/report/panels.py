"""Which charts a report has (``panels.yaml``): page and picture draw the same panels in the same colours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from elastic_vllm.simulate.timeline import Run

_ROWS = yaml.safe_load(Path(__file__).with_name("panels.yaml").read_bytes())
COLOURS: dict[str, tuple[str, str]] = _ROWS["colours"]
"""By name: on light, on dark."""
Curve = Sequence[float | None]
"""A value for each point in time; None where there is none."""
_MACHINES = ("green", "orange", "purple", "blue", "red", "grey")


@dataclass(frozen=True)
class Series:
    """One line or one layer of a panel."""

    path: tuple[str, ...]
    """Where a second of ``run.json`` holds the value."""
    label: str
    colour: str
    shape: Literal["layer", "step", "line", "faint"]
    mean_over: int = 1


@dataclass(frozen=True)
class Panel:
    """One chart over the time of the drill."""

    title: str
    unit: str
    height: int
    series: tuple[Series, ...]
    decimals: int = 0
    log: bool = False
    limit: tuple[float, str] | None = None


def charts(of: Literal["drill", "forecast"], *, max_replicas: int, ttft_slo_seconds: float) -> list[Panel]:
    """The panels of a report, with the levels that they are held against."""
    levels = {"max_replicas": max_replicas, "ttft_slo_seconds": ttft_slo_seconds}
    return [_panel(row, levels) for row in _ROWS[of]]


def _panel(row: dict[str, Any], levels: dict[str, float]) -> Panel:
    series = tuple(Series(**{**one, "path": (one["path"],)}) for one in row["series"])
    figure, name = row.get("limit", (None, ""))
    limit = (levels[figure], name.format(**levels)) if figure else None
    return Panel(**{**row, "series": series, "limit": limit})


def panels(run: Run) -> list[Panel]:
    """The charts of a drill; of the nodes, each machine type is a layer."""
    kinds = sorted({kind for second in run.seconds for kind in second.nodes}) or [run.machine]
    nodes = tuple(
        Series(("nodes", kind), kind, _MACHINES[index % len(_MACHINES)], "layer")
        for index, kind in enumerate(kinds)
    )
    found = charts("drill", max_replicas=run.max_replicas, ttft_slo_seconds=run.ttft_slo_seconds)
    return [panel if panel.series else replace(panel, series=nodes) for panel in found]


def values(run: Run, series: Series) -> list[float | None]:
    """A series second by second; None where the drill has no value."""
    raw = [_value(second.model_dump(by_alias=True), series.path) for second in run.seconds]
    if series.mean_over == 1:
        return raw
    return [_mean(raw[max(0, end - series.mean_over) : end]) for end in range(1, len(raw) + 1)]


def _value(second: dict[str, object], path: tuple[str, ...]) -> float | None:
    found: object = second
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, int | float):
        return float(found)
    return 0.0 if path[0] == "nodes" else None


def _mean(some: list[float | None]) -> float | None:
    known = [value for value in some if value is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Phase:
    """A stretch of the drill, as the scenario names it."""

    name: str
    begins: float
    ends: float


def phases(run: Run) -> list[Phase]:
    """The phases in order, each up to the next one's begin; the first begins with the traffic."""
    found: list[Phase] = []
    last = 0.0
    for second in run.seconds:
        if found and found[-1].name == second.phase:
            found[-1] = Phase(second.phase, found[-1].begins, second.t)
        else:
            found.append(Phase(second.phase, last, second.t))
        last = second.t
    return found
