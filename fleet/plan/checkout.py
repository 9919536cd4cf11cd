"""The stack files of a project, by its root, and the day of a plan."""

from datetime import UTC, date, datetime
from pathlib import Path

from fleet.workspace import Workspace


def stack_file(root: Path, stack: str) -> Path:
    """The file of a stack."""
    return Workspace.at(root).stack_file(stack)


def stacks(root: Path) -> tuple[str, ...]:
    """The stacks that have a file, by name."""
    return Workspace.at(root).names()


def today() -> date:
    """The day that prices and exceptions are judged by, alike on every machine."""
    return datetime.now(UTC).date()
