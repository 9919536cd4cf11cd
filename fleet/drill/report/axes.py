"""One panel in matplotlib axes, of any curves: the same scales and shapes as on a drill's page."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fleet.drill.report.panels import COLOURS, Curve, Panel, Series

SOFT, RULE = "#586069", "#dfe3e7"
_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def light(colour: str) -> str:
    """A colour of the palette on light ground."""
    return COLOURS[colour][0]


def draw_panel(axes: Axes, panel: Panel, times: Sequence[float], curves: Sequence[Curve], end: float) -> None:
    """Draw the panel's series, a curve for each, from 0 to ``end`` seconds."""
    below = [0.0] * len(times)
    seen = [panel.limit[0]] if panel.limit else []
    for series, points in zip(panel.series, curves, strict=True):
        if series.shape == "layer":
            above = [low + (value or 0.0) for low, value in zip(below, points, strict=True)]
            axes.fill_between(
                times, below, above, step="post", color=light(series.colour), linewidth=0, zorder=2
            )
            below = above
            seen += above
        else:
            _line(axes, times, series, points)
            seen += [value for value in points if value is not None]
    if panel.limit:
        _limit(axes, *panel.limit, end=end)
    _scale(axes, panel, seen)
    axes.set_xlim(0, end)
    axes.xaxis.set_major_locator(NullLocator())
    _dress(axes)


def time_ticks(axes: Axes, end: float) -> None:
    """Seconds under the last panel."""
    step = next((step for step in _STEPS if end / step <= 13), 14400)
    axes.xaxis.set_major_locator(FixedLocator([float(t) for t in range(0, int(end) + 1, step)]))
    axes.tick_params(axis="x", length=3, color=SOFT, labelsize=9)


def _line(axes: Axes, times: Sequence[float], series: Series, points: Curve) -> None:
    gapped = [float("nan") if value is None else value for value in points]
    axes.plot(
        times,
        gapped,
        color=light(series.colour),
        linewidth=0.7 if series.shape == "faint" else 1.5,
        drawstyle="steps-post" if series.shape == "step" else "default",
        solid_joinstyle="round",
        zorder=3,
    )


def _limit(axes: Axes, level: float, name: str, *, end: float) -> None:
    axes.axhline(level, color=light("ink"), linewidth=0.9, linestyle=(0, (5, 4)), alpha=0.8, zorder=4)
    axes.annotate(
        name,
        (end, level),
        xytext=(-4, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
        fontweight="bold",
        color=light("ink"),
        annotation_clip=False,
    )


def _scale(axes: Axes, panel: Panel, seen: Sequence[float]) -> None:
    if panel.log:
        axes.set_yscale("log")
        ticks = log_ticks([value for value in seen if value > 0])
        axes.set_ylim(ticks[0], ticks[-1])
        if len(ticks) > 8:
            ticks = [tick for tick in ticks if math.log10(tick).is_integer()]
    else:
        most = 3 if panel.height < 90 else 4 if panel.height < 150 else 5
        ticks = linear_ticks(max(seen, default=0.0), most, whole=panel.decimals == 0)
        axes.set_ylim(0, ticks[-1])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def linear_ticks(top: float, most: int, *, whole: bool) -> list[float]:
    """From 0 to the first round number that is not below ``top``, in at most ``most`` round steps or so."""
    top = top if top > 1e-9 else 1.0
    rough = top / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * round_one for round_one in (1, 2, 5, 10) if power * round_one >= rough * 0.999)
    step = max(1.0, math.ceil(step)) if whole else step
    return [index * step for index in range(max(1, math.ceil(top / step - 1e-9)) + 1)]


def log_ticks(seen: Sequence[float]) -> list[float]:
    """The 1, 2, 5 of each power of ten, from the last below all values to the first above them."""
    grid = [float(f"{round_one}e{power}") for power in range(-4, 6) for round_one in (1, 2, 5)]
    low, high = (min(seen), max(seen)) if seen else (0.1, 1.0)
    first = max((index for index, tick in enumerate(grid) if tick <= low * 1.001), default=0)
    last = min((index for index, tick in enumerate(grid) if tick >= high * 0.999), default=len(grid) - 1)
    return grid[first : max(last, first + 1) + 1]


def _dress(axes: Axes) -> None:
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=SOFT, linewidth=0.8, zorder=5)
    axes.patch.set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=SOFT)
    axes.tick_params(axis="x", labelcolor=SOFT)
