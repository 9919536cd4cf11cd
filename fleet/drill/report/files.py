"""Writes a drill's report. Every file is made from the bytes of ``run.json``."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from elastic_vllm.simulate.timeline import Run
from fleet.drill.report import page
from fleet.errors import FleetError


@dataclass(frozen=True)
class Report:
    """Where a report's files are, and the SHA-256 of ``run.json`` that each of them carries."""

    folder: Path
    run: Path
    page: Path
    picture: Path
    sha256: str


def prepare(folder: Path) -> None:
    """Make the folder and write to it, so that a drill that could not be reported is never begun."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise FleetError(
            f"the report cannot be written to {folder}: {reason}", "name a folder of yours with --report"
        ) from None


def write(run: Run, folder: Path) -> Report:
    """Write ``run.json``, ``index.html`` and ``drill.png``; replaces what is there by these names.

    The record comes first: whatever fails after it, the drill is not lost.
    """
    data = run.to_json().encode()
    folder.mkdir(parents=True, exist_ok=True)
    report = Report(
        folder=folder,
        run=folder / "run.json",
        page=folder / "index.html",
        picture=folder / "drill.png",
        sha256=hashlib.sha256(data).hexdigest(),
    )
    report.run.write_bytes(data)
    from fleet.drill.report import picture  # noqa: PLC0415  (matplotlib: only who draws waits for it)

    recorded = Run.model_validate_json(data)
    report.page.write_text(page.render(recorded, data), encoding="utf-8")
    report.picture.write_bytes(picture.draw(recorded, report.sha256))
    return report
