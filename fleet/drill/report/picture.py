"""The picture of a drill: a PNG for a README, on a ground of its own, so that it reads on any page.

Drawn with matplotlib, without a display, its global state or its user's settings. The same run gives the
same bytes.
"""

import io
import textwrap

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from elastic_vllm.simulate.timeline import Run
from fleet.drill.report import words
from fleet.drill.report.axes import RULE, SOFT, draw_panel, light, time_ticks
from fleet.drill.report.panels import Panel, panels, phases, values

_DPI = 160
_WIDTH, _LEFT, _RIGHT, _TALLEST = 10.0, 0.62, 0.3, 60.0
"""Inches. What is drawn ends where it ends: the rest of the tallest sheet is cut off."""
_EDGE = 0.3
_PANEL = 1 / 112
"""Inches of the picture for a pixel of the page."""
_NAMED_SHARE = 0.03
"""A phase shorter than this share of the whole has no room for its name."""
_BAND, _NOTICE, _GOOD, _BAD = "#f2f4f6", "#fff3d6", "#00704e", "#b3391a"


def draw(run: Run, sha256: str) -> bytes:
    """The picture as PNG. It names the SHA-256 of the run's file, in sight and in its metadata."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"font.family": "DejaVu Sans", "text.parse_math": False})
        sheet = _Sheet(run)
        sheet.head()
        sheet.charts()
        sheet.verdict()
        sheet.foot(sha256)
        return sheet.png(f"run.json sha256 {sha256}")


class _Sheet:
    """One picture, written from the top down; ``_y`` is how far down it is, in inches."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._end = max(run.duration_seconds, run.seconds[-1].t if run.seconds else 0.0, 1.0)
        self._figure = Figure(figsize=(_WIDTH, _TALLEST), dpi=_DPI)
        FigureCanvasAgg(self._figure)
        self._y = 0.28

    def png(self, comment: str) -> bytes:
        """What was written so far."""
        file = io.BytesIO()
        self._figure.savefig(
            file,
            format="png",
            dpi=_DPI,
            facecolor="white",
            bbox_inches=Bbox.from_bounds(0, _TALLEST - self._y, _WIDTH, self._y),
            metadata={"Software": None, "Comment": comment},
        )
        return file.getvalue()

    def head(self) -> None:
        """What ran, how it ended, and what of it is simulated."""
        run = self._run
        self._text(_EDGE, words.title(run), size=16, bold=True)
        self._y += 0.34
        passed = bool(run.checks) and run.passed
        after = self._text(_EDGE, words.verdict(run), size=11, bold=True, colour=_GOOD if passed else _BAD)
        self._text(after + 0.14, words.outcome(run), size=9.5)
        self._y += 0.3
        self._notice(words.compression(run), f"{words.SIMULATED} {words.REAL}")
        whole = (f"{key}: {value}".replace(" ", "\N{NO-BREAK SPACE}") for key, value in words.facts(run))
        for line in _wrapped(" · ".join(whole), 150):
            self._text(_EDGE, line.rstrip(" ·"), size=8.5, colour=SOFT)
            self._y += 0.17
        self._y += 0.14

    def charts(self) -> None:
        """All panels over one time axis, the phases behind and the faults through all of them."""
        top = self._y
        self._y += 0.26
        times = [second.t for second in self._run.seconds]
        for panel in panels(self._run):
            self._y += 0.13
            self._key(panel)
            self._y += 0.13
            axes = self._axes(self._y, panel.height * _PANEL)
            curves = [values(self._run, series) for series in panel.series]
            draw_panel(axes, panel, times, curves, self._end)
            self._y += panel.height * _PANEL
        time_ticks(axes, self._end)
        self._backdrop(top, self._y)
        self._faults(top, self._y)
        self._y += 0.38
        self._text(
            (_WIDTH + _LEFT) / 2, "seconds since the traffic began", size=9, colour=SOFT, align="center"
        )
        self._y += 0.2
        for number, fault in enumerate(words.faults(self._run), start=1):
            after = self._text(_LEFT, f"{number}", size=9, bold=True, colour=light("red"))
            self._text(after + 0.1, f"{fault.t:.1f} s  {fault.subject}: {fault.text}", size=9)
            self._y += 0.18
        self._y += 0.12

    def verdict(self) -> None:
        """A line for each check, the failed ones first; then where every request went."""
        for x, name in ((_EDGE + 0.75, "Check"), (5.7, "Bound"), (8.15, "Measured")):
            self._text(x, name, size=8.5, bold=True, colour=SOFT)
        self._y += 0.12
        for one in sorted(self._run.checks, key=lambda each: each.passed):
            self._rule()
            mark, colour = ("✓ passed", _GOOD) if one.passed else ("✗ failed", _BAD)
            cells = [_wrapped(one.text, 68), _wrapped(one.bound, 36), _wrapped(one.measured, 26)]
            self._y += 0.1
            self._text(_EDGE, mark, size=8.5, bold=True, colour=colour)
            for x, lines in zip((_EDGE + 0.75, 5.7, 8.15), cells, strict=True):
                for line in lines:
                    self._text(x, line, size=8.5)
                    self._y += 0.15
                self._y -= 0.15 * len(lines)
            self._y += 0.15 * max(len(lines) for lines in cells) - 0.04
        self._rule()
        self._y += 0.2
        after = self._text(_EDGE, "Ledger", size=8.5, bold=True, colour=SOFT)
        self._text(max(after + 0.1, _EDGE + 0.75), words.ledger(self._run.ledger), size=9)
        self._y += 0.2

    def foot(self, sha256: str) -> None:
        """What is assumed, and which data this is."""
        assumed = "; ".join(f"{one.name} {one.value}" for one in self._run.assumptions) or "nothing"
        for line in (*_wrapped(f"Assumed, not measured: {assumed}", 150), f"SHA-256 of run.json: {sha256}"):
            self._text(_EDGE, line, size=8, colour=SOFT)
            self._y += 0.16
        self._y += 0.12

    def _text(
        self,
        x: float,
        text: str,
        *,
        size: float,
        bold: bool = False,
        colour: str = "",
        align: str = "left",
    ) -> float:
        """Write at ``x``, centred on the line; where it ends, in inches."""
        written = self._figure.text(
            x / _WIDTH,
            1 - self._y / _TALLEST,
            text,
            fontsize=size,
            fontweight="bold" if bold else "normal",
            color=colour or light("ink"),
            ha=align,
            va="center_baseline",
        )
        return x + written.get_window_extent().width / _DPI

    def _notice(self, first: str, second: str) -> None:
        lines = _wrapped(second, 140)
        height = 0.36 + 0.17 * len(lines)
        for width, colour in ((_WIDTH - 2 * _EDGE, _NOTICE), (0.05, light("orange"))):
            self._box(_EDGE, self._y - 0.08, width, height, colour)
        self._y += 0.08
        self._text(_EDGE + 0.17, first, size=10.5, bold=True)
        self._y += 0.21
        for line in lines:
            self._text(_EDGE + 0.17, line, size=8.8)
            self._y += 0.17
        self._y += 0.13

    def _box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        corner = (x / _WIDTH, 1 - (y + height) / _TALLEST)
        self._figure.add_artist(
            Rectangle(corner, width / _WIDTH, height / _TALLEST, facecolor=colour, linewidth=0, zorder=0)
        )

    def _rule(self) -> None:
        self._box(_EDGE, self._y, _WIDTH - 2 * _EDGE, 0.006, RULE)

    def _key(self, panel: Panel) -> None:
        """The panel's name and unit, and what its colours mean."""
        x = self._text(_LEFT, panel.title, size=9.5, bold=True)
        x = self._text(x + 0.07, panel.unit, size=8.8, colour=SOFT) + 0.2
        for series in panel.series:
            height = 0.1 if series.shape == "layer" else 0.025
            self._box(x, self._y - height / 2, 0.14, height, light(series.colour))
            x = self._text(x + 0.2, series.label, size=8.8) + 0.2

    def _axes(self, y: float, height: float) -> Axes:
        width = _WIDTH - _LEFT - _RIGHT
        return self._figure.add_axes(
            (_LEFT / _WIDTH, 1 - (y + height) / _TALLEST, width / _WIDTH, height / _TALLEST)
        )

    def _backdrop(self, top: float, bottom: float) -> None:
        """Phases as bands with their names."""
        axes = self._axes(top, bottom - top)
        axes.set(xlim=(0, self._end), ylim=(bottom - top, 0), zorder=-1)
        axes.axis("off")
        for index, phase in enumerate(phases(self._run)):
            axes.axvspan(phase.begins, phase.ends, color=_BAND if index % 2 else "white", linewidth=0)
            axes.axvline(phase.begins, color=RULE, linewidth=0.8)
            if phase.ends - phase.begins >= _NAMED_SHARE * self._end:
                name = f" {phase.name}"
                axes.text(phase.begins, 0.1, name, va="center", fontsize=9, color=SOFT, fontweight="bold")

    def _faults(self, top: float, bottom: float) -> None:
        """Faults as numbered lines in front of everything."""
        axes = self._axes(top, bottom - top)
        axes.set(xlim=(0, self._end), ylim=(bottom - top, 0), zorder=10)
        axes.axis("off")
        badges: dict[float, str] = {}  # faults too close for a badge each share the first one's
        for number, fault in enumerate(words.faults(self._run), start=1):
            axes.axvline(fault.t, color="white", linewidth=2.2, alpha=0.8)
            axes.axvline(fault.t, color=light("red"), linewidth=1.2, linestyle=(0, (4, 2)))
            near = next((t for t in badges if fault.t - t < 0.025 * self._end), fault.t)
            badges[near] = f"{badges.get(near, '')} {number}".strip()
        for t, numbers in badges.items():
            box = {"boxstyle": "round,pad=0.3", "facecolor": light("red"), "linewidth": 0}
            axes.text(t, 0.29, numbers, ha="center", va="center", fontsize=8, color="white", bbox=box)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
