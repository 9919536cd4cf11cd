"""A forecast as files, on request: a picture of each model, and one page that holds them all.

The charts are the drill's, drawn by its own code; a step on the left, a day on the right.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from elastic_vllm.simulate.forecast import ModelForecast, Moment, Outcome
from fleet.drill.report.axes import SOFT, draw_panel, time_ticks
from fleet.drill.report.panels import Panel, charts
from fleet.plan.forecast_view import render

_DPI, _WIDTH, _HEIGHT = 130, 13.0, 6.4
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:82rem;margin:2rem auto;padding:0 1rem}}
img{{width:100%}} pre{{overflow-x:auto;background:#f2f4f6;padding:1rem}}</style>
<h1>{title}</h1>
<p>Simulated: nothing was deployed and no request was sent. Boot, load and engine times are the catalogue's
and the load model's.</p>
{models}
</html>
"""


_VALUES: Mapping[str, Callable[[ModelForecast, Moment], float | None]] = {
    "load": lambda model, moment: moment.load * model.capacity_rps,
    "wanted": lambda _, moment: moment.wanted,
    "ready": lambda _, moment: moment.ready,
    "nodes": lambda _, moment: moment.nodes,
    "ttftP99": lambda _, moment: moment.ttft_p99,
}
"""By the path of a series."""


def write(forecast: Sequence[ModelForecast], folder: Path, stack: str) -> Path:
    """``forecast-<model>.png`` for each model and ``forecast.html``, which needs none of them; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for model in forecast:
        png = draw(model)
        (folder / f"forecast-{model.model}.png").write_bytes(png)
        image = f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        lines = escape(render([model]))
        parts.append(f"<h2>{escape(model.model)}</h2>\n{image}\n<pre>{lines}</pre>")
    page = folder / "forecast.html"
    title = escape(f"Forecast of stack {stack}")
    page.write_text(_PAGE.format(title=title, models="\n".join(parts)), encoding="utf-8")
    return page


def draw(model: ModelForecast) -> bytes:
    """The picture as PNG; the same forecast gives the same bytes."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"font.family": "DejaVu Sans", "text.parse_math": False})
        figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        panels = charts("forecast", max_replicas=model.replicas.max, ttft_slo_seconds=model.ttft_slo_seconds)
        rows = figure.subplots(len(panels), 2, height_ratios=[panel.height for panel in panels])
        for column, outcome in enumerate((model.step, model.day)):
            for row, panel in enumerate(panels):
                _panel(rows[row][column], model, outcome, panel)
            time_ticks(rows[-1][column], outcome.seconds)
            rows[-1][column].set_xlabel("seconds", fontsize=9, color=SOFT)
            rows[0][column].set_title(outcome.description, fontsize=9.5, loc="left")
        file = io.BytesIO()
        figure.savefig(file, format="png", facecolor="white", metadata={"Software": None})
        return file.getvalue()


def _panel(axes: Axes, model: ModelForecast, outcome: Outcome, panel: Panel) -> None:
    times = [moment.t for moment in outcome.moments]
    curves = [
        [_VALUES[series.path[0]](model, moment) for moment in outcome.moments] for series in panel.series
    ]
    draw_panel(axes, panel, times, curves, outcome.seconds)
    axes.set_ylabel(f"{panel.title}\n{panel.unit}", fontsize=8.5, color=SOFT)
