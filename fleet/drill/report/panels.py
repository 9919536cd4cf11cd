"""Which charts a drill has, as data: the page and the picture draw the same panels in the same colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from elastic_vllm.simulate.timeline import Run

COLOURS: dict[str, tuple[str, str]] = {
    # name: on light, on dark. After Okabe and Ito, moved until each stands out on its ground and those that
    # meet in a chart stay apart for eyes without red or green cones.
    "blue": ("#0072b2", "#3d94d6"),
    "orange": ("#e69f00", "#e9a820"),
    "red": ("#c8501e", "#f0764a"),
    "purple": ("#8c2f6b", "#f3b4dc"),
    "green": ("#00875f", "#2fb58c"),
    "grey": ("#b4b9bf", "#6f767e"),
    "ink": ("#1b1f24", "#e8eaed"),
}
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
    """A layer stands on the layers before it; ``faint`` is a line in the background."""
    mean_over: int = 1
    """Seconds up to each one over which the value is averaged."""


@dataclass(frozen=True)
class Panel:
    """One chart over the time of the drill."""

    title: str
    unit: str
    height: int
    """Pixels of the page."""
    series: tuple[Series, ...]
    decimals: int = 0
    log: bool = False
    limit: tuple[float, str] | None = None
    """A level to hold against the values, and its name."""


def panels(run: Run) -> list[Panel]:
    """From cause to effect: load, CPU, replicas, nodes, queue, what users felt, what it cost."""
    kinds = sorted({kind for second in run.seconds for kind in second.nodes}) or [run.machine]
    nodes = tuple(
        Series(("nodes", kind), kind, _MACHINES[index % len(_MACHINES)], "layer")
        for index, kind in enumerate(kinds)
    )
    return [
        Panel(
            "Offered load",
            "requests/s",
            92,
            (
                Series(("offeredRps",), "each second", "grey", "faint"),
                Series(("offeredRps",), "mean of 5 s", "blue", "line", mean_over=5),
            ),
            decimals=1,
        ),
        Panel(
            "CPU of ready replicas",
            "% of request",
            72,
            (Series(("cpuUtilization",), "mean", "blue", "line"),),
        ),
        Panel(
            "Replicas",
            "pods",
            168,
            (
                Series(("ready",), "ready", "blue", "layer"),
                Series(("loading",), "loading", "orange", "layer"),
                Series(("withoutNode",), "without node", "purple", "layer"),
                Series(("leaving",), "leaving", "grey", "layer"),
                Series(("wanted",), "wanted", "ink", "step"),
            ),
            limit=(run.max_replicas, f"max {run.max_replicas}"),
        ),
        Panel("Nodes", "machines", 110, nodes),
        Panel(
            "Requests in the engines",
            "requests",
            104,
            (
                Series(("running",), "running", "blue", "layer"),
                Series(("waiting",), "waiting", "orange", "layer"),
            ),
        ),
        Panel(
            "Time to first token",
            "s, log scale, last 10 s",
            132,
            (Series(("ttftP99",), "P99", "red", "line"), Series(("ttftP50",), "P50", "blue", "line")),
            decimals=2,
            log=True,
            limit=(run.ttft_slo_seconds, f"SLO {run.ttft_slo_seconds:g} s"),
        ),
        Panel(
            "Price of the nodes",
            "USD/h",
            72,
            (Series(("usdPerHour",), "now", "green", "step"),),
            decimals=2,
        ),
        Panel("Spent", "USD", 72, (Series(("usd",), "so far", "green", "line"),), decimals=3),
    ]


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
