"""The plan on a terminal."""

from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from elastic_vllm.simulate.forecast import ModelForecast
from elastic_vllm.spec.finding import Finding
from fleet.plan import forecast_view, tables
from fleet.plan import format as text
from fleet.plan.document import Difference, Plan, ResourceChange

_CURVE = 48
"""Characters of a curve."""
_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
_SIGNS = {"add": "+", "change": "~", "replace": "±", "remove": "-"}
_ACTION_COLOURS = {"add": "green", "change": "yellow", "replace": "magenta", "remove": "red"}


def render(plan: Plan, console: Console, today: date) -> None:
    """All of it, written at once; findings last, where the eye is when the command ends."""
    with console:
        _render(plan, console, today)


def _render(plan: Plan, console: Console, today: date) -> None:
    console.print(f"[bold]{escape(plan.stack)}[/]  {escape(text.summary(plan))}")
    if plan.resources:
        _section(console, "Resources", tables.components(plan.resources))
    if plan.models:
        _section(console, "Models", *tables.models(plan.models))
    if plan.cost:
        _section(console, f"Cost: {text.prices(plan.cost, today)}", *tables.cost(plan.cost))
        console.print(f"  [dim]not included: {escape('; '.join(plan.cost.excluded))}[/]")
        if plan.cost.spot:
            console.print(f"  [dim]Spot: {escape(text.spot(plan.cost))}[/]")
        if plan.cost.unpriced:
            console.print(f"  [yellow]without a known price: {escape(', '.join(plan.cost.unpriced))}[/]")
    for item in plan.forecast:
        console.print(_forecast(item))
    if plan.difference:
        _difference(console, plan, plan.difference)
    _findings(console, plan)


def _section(console: Console, title: str, *found: tables.Table) -> None:
    console.print(f"\n[bold]{escape(title)}[/]")
    for one in found:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for index, head in enumerate(one.heads):
            table.add_column(head, justify="right" if index in one.right else "left", overflow="fold")
        for row in one.rows:
            table.add_row(*map(escape, row))
        console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _forecast(item: ModelForecast) -> str:
    body = escape("\n".join(forecast_view.lines(item, _CURVE)))
    return f"\n[bold]Forecast of[/] {escape(forecast_view.title(item))}\n{body}"


def _difference(console: Console, plan: Plan, found: Difference) -> None:
    console.print(f"\n[bold]Against {escape(found.ref)}[/] ({found.commit[:7]})")
    if found.note:
        console.print(f"  {escape(found.note)}")
    if not found.comparable:
        return
    console.print(f"  {text.changes(found)}")
    if cost := text.cost_change(plan):
        console.print(f"  {escape(cost)}")
    for change in () if found.note else found.resources:
        _change(console, change)
    _turnover(console, found)
    for danger in text.dangers(found):
        console.print(f"  [red]{escape(danger)}[/]")


def _turnover(console: Console, found: Difference) -> None:
    for sign, items in (("+", found.findings_gained), ("-", found.findings_lost)):
        for item in items:
            console.print(f"  {sign} finding [bold]{escape(item.id)}[/] at {escape(text.location(item))}")


def _change(console: Console, change: ResourceChange) -> None:
    note = text.remark(change)
    console.print(
        f"  [{_ACTION_COLOURS[change.action]}]{_SIGNS[change.action]} {escape(text.title(change))}[/]"
        + (f"  [dim]{escape(note)}[/]" if note else "")
    )
    for field in change.fields:
        values = f"{text.shown(field.before)} → {text.shown(field.after)}{text.field_note(field)}"
        console.print(f"      {escape(text.field_path(field))}: {escape(values)}")


def _findings(console: Console, plan: Plan) -> None:
    lines = ["", *(_line(item) for item in plan.findings)]
    lines += [
        f"[dim]silenced until {silent.expires}: {escape(silent.id)} at {escape(text.location(silent))} "
        f"({escape(silent.reason)})[/]"
        for silent in plan.silenced
    ]
    colour = "red" if plan.errors else "yellow" if plan.warnings else "green"
    lines.append(f"[bold {colour}]{text.verdict(plan)}[/]")
    console.print("\n".join(lines))


def _line(item: Finding) -> str:
    reason = f" (policy: {escape(item.reason)})" if item.reason else ""
    head = f"[{_COLOURS[item.severity]}]{item.severity}:[/] {escape(text.location(item))}"
    return f"{head}: {escape(item.message)}{reason} [dim]\\[{escape(item.id)}][/]"
