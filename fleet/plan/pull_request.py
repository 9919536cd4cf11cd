"""What a pull request does to the stacks: one comment for all whose plan it changes.

``python -m fleet.plan.pull_request --against REF --output FILE`` is the step of ``preview.yml`` that needs
the program. It posts nothing and needs no network; ``scripts/comment`` does the rest, where the pull
request's own code does not run.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from fleet.errors import FleetError, bug
from fleet.plan import render_markdown
from fleet.plan.build import plan, today
from fleet.plan.difference import compared
from fleet.plan.document import Plan
from fleet.plan.revision import Revision, unpacked
from fleet.workspace import Workspace

MARKER = "<!-- elastic-vllm: fleet plan -->"
"""By this first line the comment is found again."""
LONGEST = 65_000
"""GitHub takes 65,536 characters; the rest is room for what it counts otherwise."""


def touched(root: Path, revision: Revision) -> tuple[Plan, ...]:
    """The plans of the stacks that differ from the revision, and of those that cannot be compared."""
    plans = (compared(plan(root, stack, today()), revision) for stack in Workspace.at(root).names())
    return tuple(found for found in plans if found.difference and not found.difference.is_empty)


def removed(root: Path, revision: Revision) -> tuple[str, ...]:
    """Stacks whose file the change takes away."""
    return tuple(sorted({*Workspace.at(revision.root).names()} - {*Workspace.at(root).names()}))


def comment(plans: Sequence[Plan], gone: Sequence[str], ref: str, on: date) -> str:
    """The whole comment; the longest parts give way when there is too much of it."""
    heads = [MARKER, f"## `fleet plan`: {_summary(plans, gone)}"]
    heads += [
        f"### `{stack}` is taken away\n\nIts file goes, what it deployed stays: run `pulumi destroy` first."
        for stack in gone
    ]
    foot = f"<sub>Against `{ref}`, without credentials. What each figure means: docs/plan.md</sub>"
    whole = [_whole(item, on) for item in plans]
    short = [render_markdown.brief(item) for item in plans]
    for kept in range(len(plans), -1, -1):
        parts = [*heads, *whole[:kept], *short[kept:], foot]
        text = "\n\n".join(part.strip() for part in parts) + "\n"
        if len(text) <= LONGEST:
            return text
    return (
        "\n\n".join([*heads, "Too much changes for a comment: run `fleet plan` on this branch.", foot]) + "\n"
    )


def _whole(plan: Plan, on: date) -> str:
    try:
        return render_markdown.render(plan, on)
    except Exception as problem:  # noqa: BLE001  # the other stacks keep their part of the comment
        return f"### `{plan.stack}` cannot be shown\n\n{bug(problem)}"


def _summary(plans: Sequence[Plan], gone: Sequence[str]) -> str:
    if not plans and not gone:
        return "no stack changes"
    bad = [item.stack for item in plans if item.errors]
    names = _names([item.stack for item in plans] + list(gone))
    return f"{names} change" + (f"; {_names(bad)} would stop" if bad else "")


def _names(stacks: Iterable[str]) -> str:
    return ", ".join(f"`{stack}`" for stack in stacks)


def main(arguments: Sequence[str]) -> int:
    """Write the comment; 1 if a stack that the change touches has an error, so that the check is red."""
    parser = argparse.ArgumentParser(prog="scripts/preview", description=__doc__)
    parser.add_argument(
        "--against", default="origin/main", metavar="REF", help="what the change is merged into"
    )
    parser.add_argument("--output", type=Path, default=Path("preview.md"), metavar="FILE")
    asked = parser.parse_args(arguments)
    try:
        root = Workspace.find(Path.cwd()).root
        with unpacked(root, asked.against) as revision:
            plans, gone = touched(root, revision), removed(root, revision)
    except FleetError as error:
        sys.stderr.write(f"error: {error.problem}\nnext:  {error.next_step}\n")
        return 1
    text = comment(plans, gone, asked.against, today())
    asked.output.write_text(text, encoding="utf-8")
    return int(any(found.errors for found in plans))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
