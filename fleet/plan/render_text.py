"""The plan on a terminal."""

from collections.abc import Iterable, Sequence
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from fleet.plan import outlook_words, words
from fleet.plan.models import Difference, Finding, Model, Plan, ResourceChange
from fleet.plan.outlook import Cost, Forecast

_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
_SIGNS = {"add": "+", "change": "~", "replace": "±", "remove": "-"}
_ACTION_COLOURS = {"add": "green", "change": "yellow", "replace": "magenta", "remove": "red"}


def render(plan: Plan, console: Console, today: date) -> None:
    """All of it, written at once; findings last, where the eye is when the command ends."""
    with console:
        _render(plan, console, today)


def _render(plan: Plan, console: Console, today: date) -> None:
    console.print(f"[bold]{escape(plan.stack)}[/]  {escape(words.essence(plan))}")
    if plan.resources:
        _section(console, "Resources", _components(plan))
    if plan.models:
        _section(console, "Models", _models(plan.models))
        _section(console, "Memory of each GPU", _memory(plan.models))
    if plan.cost:
        _section(console, f"Cost, USD per hour: {outlook_words.prices(plan.cost, today)}", _cost(plan.cost))
        console.print(f"  [dim]not included: {escape('; '.join(plan.cost.excluded))}[/]")
        if plan.cost.unpriced:
            console.print(f"  [yellow]without a known price: {escape(', '.join(plan.cost.unpriced))}[/]")
    for item in plan.forecast:
        _forecast(console, item)
    if plan.difference:
        _difference(console, plan, plan.difference)
    _findings(console, plan)


def _section(console: Console, title: str, table: Table) -> None:
    console.print(f"\n[bold]{escape(title)}[/]")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _components(plan: Plan) -> Table:
    rows = [(name or "-", str(count), kinds) for name, count, kinds in words.components(plan.resources)]
    return _table(("component", "", "kinds"), rows, right=(1,))


def _models(models: Sequence[Model]) -> Table:
    rows = [
        (
            f"{model.name}\n{model.checkpoint.rpartition('/')[2]}",
            words.gpus(model),
            words.replicas(model),
            words.place(model),
            words.start(model),
            words.drain(model),
        )
        for model in models
    ]
    return _table(("model", "GPUs", "replicas", "pool", "start", "drain"), rows)


def _memory(models: Sequence[Model]) -> Table:
    rows = [(model.name, words.memory(model.fit), words.room(model.fit)) for model in models]
    return _table(("model", "estimated", "room"), rows)


def _cost(cost: Cost) -> Table:
    levels = (cost.total.zero, cost.total.min, cost.total.max)
    rows: list[tuple[str, ...]] = [
        ("all, on demand", *(words.usd(rate.on_demand) for rate in levels)),
        ("all, Spot", *(words.usd(rate.spot) for rate in levels)),
        ("all, on demand, a month", *(outlook_words.month(rate) for rate in levels)),
    ]
    for model in cost.models:
        own = (model.rates.zero, model.rates.min, model.rates.max)
        rows.append((f"model {model.name}", *(words.usd(rate.on_demand) for rate in own)))
    always = words.usd(sum(part.usd_per_hour for part in cost.fixed))
    if cost.fixed:
        names = ", ".join(part.title for part in cost.fixed)
        rows.append((f"always: {names}", always, always, always))
    return _table(("", "no replica", "the least", "the most"), rows, right=(1, 2, 3))


def _forecast(console: Console, item: Forecast) -> None:
    lines = [f"\n[bold]Forecast of {escape(item.model)}[/]: {outlook_words.pace(item)}"]
    if late := outlook_words.hopeless(item):
        lines.append(f"  [yellow]{late}[/]")
    lines += [
        f"  {escape(metric)} is not simulated: it never adds a replica here"
        for metric in item.step.unknown_metrics
    ]
    for trace in (item.step, item.day):
        lines.append(f"  {trace.trace:4}  load      {trace.load_curve}  peak {trace.peak_load:.3g}")
        ends = f"{trace.replicas_first} → {trace.replicas_most} → {trace.replicas_last}"
        lines.append(f"        replicas  {trace.replicas_curve}  {ends}")
        lines.append(f"        [dim]{outlook_words.course(trace)}{outlook_words.came(trace)}[/]")
    console.print("\n".join(lines))


def _difference(console: Console, plan: Plan, found: Difference) -> None:
    console.print(f"\n[bold]Against {escape(found.ref)}[/] ({found.commit[:7]})")
    if found.note:
        console.print(f"  {escape(found.note)}")
    if not found.comparable:
        return
    console.print(f"  {words.changes(found)}")
    if told := outlook_words.cost_change(plan):
        console.print(f"  {escape(told)}")
    for change in () if found.note else found.resources:
        _change(console, change)
    _turnover(console, found)
    for danger in words.dangers(found):
        console.print(f"  [red]{escape(danger)}[/]")


def _turnover(console: Console, found: Difference) -> None:
    for sign, items in (("+", found.findings_gained), ("-", found.findings_lost)):
        for item in items:
            console.print(f"  {sign} finding [bold]{escape(item.id)}[/] at {escape(words.at(item))}")


def _change(console: Console, change: ResourceChange) -> None:
    note = words.remark(change)
    console.print(
        f"  [{_ACTION_COLOURS[change.action]}]{_SIGNS[change.action]} {escape(words.title(change))}[/]"
        + (f"  [dim]{escape(note)}[/]" if note else "")
    )
    for field in change.fields:
        values = f"{words.shown(field.before)} → {words.shown(field.after)}{words.field_note(field)}"
        console.print(f"      {escape(words.field_path(field))}: {escape(values)}")


def _findings(console: Console, plan: Plan) -> None:
    lines = ["", *(_line(item) for item in plan.findings)]
    lines += [
        f"[dim]silenced until {silent.expires}: {escape(silent.id)} at {escape(words.at(silent))} "
        f"({escape(silent.reason)})[/]"
        for silent in plan.silenced
    ]
    colour = "red" if plan.errors else "yellow" if plan.warnings else "green"
    lines.append(f"[bold {colour}]{words.judgement(plan)}[/]")
    console.print("\n".join(lines))


def _line(item: Finding) -> str:
    reason = f" (policy: {escape(item.reason)})" if item.reason else ""
    head = f"[{_COLOURS[item.severity]}]{item.severity}:[/]"
    return f"{head} {escape(words.at(item))}: {escape(item.message)}{reason} [dim]\\[{escape(item.id)}][/]"
