"""``fleet plan``: a stack's resources, findings, cost and forecast. Needs no cluster or credentials."""

import gc
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fleet.cli.console import LOG_WIDTH, console, errors, print_problem
from fleet.cli.options import DEFAULT, StackName, workspace
from fleet.plan import format as text_of
from fleet.plan import render_markdown, render_text
from fleet.plan.build import plan as build
from fleet.plan.build import today, without
from fleet.plan.difference import against as compare
from fleet.plan.document import Plan


class Format(StrEnum):
    """How the plan is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


Against = Annotated[
    str | None,
    typer.Option("--against", metavar="REF", help="also show the changes since this git revision"),
]
FormatChoice = Annotated[Format, typer.Option("--format", help="markdown is for a pull request")]
ReportFolder = Annotated[
    Path | None, typer.Option("--report", help="also write the forecast there, as a page with pictures")
]
Strict = Annotated[bool, typer.Option("--strict", help="fail on warnings too")]


def plan(
    stack: StackName = DEFAULT,
    against: Against = None,
    format_: FormatChoice = Format.TEXT,
    strict: Strict = False,
    report: ReportFolder = None,
) -> None:
    """Show a stack's resources, findings, cost, and forecast under load. Changes nothing.

    Exits with 1 if there is an error, and with --strict if there is a warning.
    """
    gc.disable()  # hardly anything becomes garbage until the process ends; to search took a third of its time
    root = workspace().root
    found: Plan | None = None
    try:
        found = build(root, stack, today())
        if against is not None:
            found = compare(found, root, against)
    except Exception as problem:
        if format_ is Format.JSON:  # its reader gets a document whatever happens
            _print(without(found or Plan(stack=stack), problem), format_)
        raise
    _print(found, format_)
    if report is not None and found.forecast:
        from fleet.plan import forecast_report  # noqa: PLC0415  (matplotlib, which nothing else here needs)

        errors.print(f"forecast: {forecast_report.write(found.forecast, report, stack)}")
    if found.errors or (strict and found.warnings):
        raise typer.Exit(1)


def _print(found: Plan, format_: Format) -> None:
    if format_ is Format.JSON:
        sys.stdout.write(f"{found.model_dump_json(indent=2)}\n")
    elif format_ is Format.MARKDOWN:
        sys.stdout.write(render_markdown.render(found, today()))
    elif found.cloud:
        screen = console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=LOG_WIDTH)
        render_text.render(found, screen, today())
    else:  # the file is no stack: only its errors can be printed
        for item in found.findings:
            print_problem(f"{text_of.location(item)}: {item.message}")
