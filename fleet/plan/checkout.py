"""Where the program and its stack files are, and the stack files that are there."""

from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout that this code is part of: where Pulumi.yaml and ``__main__.py`` are."""


def stack_file(root: Path, stack: str) -> Path:
    """The file of a stack."""
    return root / "stacks" / f"Pulumi.{stack}.yaml"


def stacks(root: Path) -> tuple[str, ...]:
    """The stacks that have a file, by name."""
    return tuple(sorted(path.name[7:-5] for path in (root / "stacks").glob("Pulumi.*.yaml")))


def today() -> date:
    """The day that prices and exceptions are judged by, alike on every machine."""
    return datetime.now(UTC).date()
