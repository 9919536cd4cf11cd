"""The page of a drill: one HTML file that asks nothing of the network.

Its text is written here; its charts are drawn in the browser, from the run that it carries byte for byte.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

from elastic_vllm.simulate.timeline import Run
from fleet.drill.report import words
from fleet.drill.report.panels import COLOURS, panels, phases

_PARTS = Path(__file__).parent


def render(run: Run, data: bytes) -> str:
    """The page of a run, whose file holds these bytes."""
    passed = bool(run.checks) and run.passed
    return Template(_part("page.html")).substitute(
        title=escape(words.title(run)),
        style=_colours() + _part("page.css"),
        script=_part("page.js"),
        verdict=escape(words.verdict(run)),
        verdict_class="passed" if passed else "failed",
        failed=_failed(run),
        outcome=escape(words.outcome(run)),
        compression=escape(words.compression(run)),
        simulated=escape(words.SIMULATED),
        real=escape(words.REAL),
        facts="".join(
            f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in words.facts(run)
        ),
        faults=_faults(run),
        checks=_checks(run),
        ledger=escape(words.ledger(run.ledger)),
        assumptions=_rows((one.name, one.value, one.basis) for one in run.assumptions),
        happenings=_rows((f"{one.t:.1f}", one.kind, one.subject, one.text) for one in run.happenings),
        happenings_count=len(run.happenings),
        sha256=hashlib.sha256(data).hexdigest(),
        run=base64.b64encode(gzip.compress(data, mtime=0)).decode(),
        charts=_charts(run),
    )


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _colours() -> str:
    """The palette as CSS; each colour knows both themes."""
    lines = (f"--{name}: light-dark({light}, {dark});" for name, (light, dark) in COLOURS.items())
    return ":root { " + " ".join(lines) + " }\n"


def _charts(run: Run) -> str:
    """What the script has to know besides the run: which panels to draw. Safe inside a script element."""
    charts = {
        "panels": [asdict(panel) for panel in panels(run)],
        "phases": [asdict(phase) for phase in phases(run)],
    }
    return json.dumps(charts).replace("<", "\\u003c")


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)


def _checks(run: Run) -> str:
    """A line for each check, the failed ones first."""
    lines = []
    for one in sorted(run.checks, key=lambda each: each.passed):
        state, mark = ("passed", "✓ passed") if one.passed else ("failed", "✗ failed")
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in (one.text, one.bound, one.measured))
        lines.append(
            f'<tr id="check-{escape(one.id)}" class="{state}"><td class="mark">{mark}</td>{cells}</tr>'
        )
    return "\n".join(lines)


def _failed(run: Run) -> str:
    """What a reader of a bad run looks for, before anything else."""
    lines = "".join(
        f"<li>{escape(one.text)}: bound {escape(one.bound)}, measured {escape(one.measured)}</li>"
        for one in run.checks
        if not one.passed
    )
    return f'<ul class="failed-checks">{lines}</ul>' if lines else ""


def _faults(run: Run) -> str:
    """The faults that are numbered in the charts; empty where the scenario has none."""
    lines = "".join(
        f"<li><b>{one.t:.1f} s</b> {escape(one.subject)}: {escape(one.text)}</li>"
        for one in words.faults(run)
    )
    return f'<ol class="faults">{lines}</ol>' if lines else ""
