"""The plan as GitHub's Markdown: a verdict that stands alone, what must be read, and the rest folded away."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from fleet.plan import outlook_words, words
from fleet.plan.markdown import code, escaped, escaped_text, fenced, folded, table
from fleet.plan.models import Difference, Finding, Model, Plan, ResourceChange, Silenced
from fleet.plan.outlook import Cost, Forecast, Trace

_ICONS = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}
_OPEN_UP_TO = 40
"""Lines of changes that are shown unfolded."""
_BRIEFLY = 20
"""Findings that are told where there is no room."""
_SIGNS = {"add": "+", "change": "!", "replace": "!", "remove": "-"}


def render(plan: Plan, today: date) -> str:
    """One stack."""
    parts = [_verdict(plan)]
    if plan.difference:
        parts.append(_against(plan, plan.difference))
    parts += _findings(plan)
    if plan.models:
        told = _models(plan.models)
        parts.append(folded(f"Models: {_places(plan.models)}", told) if plan.difference else told)
    if plan.cost:
        parts.append(_cost(plan.cost, today))
    if plan.forecast:
        parts.append(_forecast(plan.forecast))
    if plan.resources:
        parts.append(_resources(plan))
    return "\n\n".join(parts) + "\n"


def brief(plan: Plan) -> str:
    """One stack where there is no room: the verdict, and what is wrong in one line each."""
    grave = [f"- {_ICONS[item.severity]} {code(item.id)} at {code(words.at(item))}" for item in plan.findings]
    most = [*grave[:_BRIEFLY], *(["- …"] if len(grave) > _BRIEFLY else [])]
    found = plan.difference
    told = f"**Against {code(found.ref)}**: {words.changes(found)}" if found and found.comparable else ""
    note = f"No room for the rest: `fleet plan --stack {plan.stack}` tells it."
    return "\n\n".join(part for part in (_verdict(plan), told, "\n".join(most), note) if part) + "\n"


def _verdict(plan: Plan) -> str:
    icon = "❌" if plan.errors else "⚠️" if plan.warnings else "✅"
    stop = ": `pulumi up` would stop" if plan.errors else ""
    return f"### {icon} {code(plan.stack)}: {words.judgement(plan)}{stop}\n\n{words.essence(plan)}"


def _against(plan: Plan, found: Difference) -> str:
    told = (
        words.changes(found) if found.comparable else "",
        escaped(found.note),
        _turnover(found),
        outlook_words.cost_change(plan),
    )
    points = "\n".join(f"- {part}" for part in told if part)
    parts = [f"**Against {code(found.ref)}** ({found.commit[:7]})\n{points}"]
    parts += [f"> [!CAUTION]\n> {escaped_text(danger)}" for danger in words.dangers(found)]
    if found.resources and not found.note:
        block = list(_lines(found.resources))
        state = " open" if len(block) <= _OPEN_UP_TO else ""
        parts.append(folded(f"What changes: {words.changes(found)}", fenced(block), state))
    return "\n\n".join(parts)


def _turnover(found: Difference) -> str:
    told = [
        f"{sign}{words.counted(len(items), 'finding')} ({', '.join(sorted({code(i.id) for i in items}))})"
        for sign, items in (("+", found.findings_gained), ("−", found.findings_lost))
        if items
    ]
    return ", ".join(told)


def _lines(changes: Iterable[ResourceChange]) -> Iterator[str]:
    component = None
    for change in changes:
        if change.component != component:
            component = change.component
            yield f"@@ {component or 'the stack itself'} @@"
        note = words.remark(change)
        verb = "±" if change.action == "replace" else ""
        yield f"{_SIGNS[change.action]} {verb}{words.title(change)}" + (f"  # {note}" if note else "")
        for field in change.fields:
            yield f"-     {words.field_path(field)}: {words.shown(field.before)}"
            yield f"+     {words.field_path(field)}: {words.shown(field.after)}{words.field_note(field)}"


def _findings(plan: Plan) -> list[str]:
    """Errors and warnings open to the eye, what is only worth knowing folded."""
    grave = [finding for finding in plan.findings if finding.severity != "info"]
    other = [finding for finding in plan.findings if finding.severity == "info"]
    gained = plan.difference.findings_gained if plan.difference else ()
    parts = [_finding_table(grave, gained)] if grave else []
    if other:
        parts.append(folded(words.counted(len(other), "remark"), _finding_table(other, gained)))
    if plan.silenced:
        parts.append(
            folded(f"{words.counted(len(plan.silenced), 'finding')} silenced by policy", _silent(plan))
        )
    return parts


def _silent(plan: Plan) -> str:
    rows = [(_finding(item), escaped(item.reason), str(item.expires)) for item in plan.silenced]
    return table(("What is silenced", "Why", "Until"), rows)


def _finding_table(findings: Sequence[Finding], gained: Sequence[Finding]) -> str:
    """Two columns: a key may be long, and the words beside it would be squeezed."""
    rows = [(_ICONS[item.severity], _finding(item, new=item in gained)) for item in findings]
    return table(("", "What is wrong, and what to do"), rows)


def _finding(item: Finding, *, new: bool = False) -> str:
    place = code(item.key) + (f" ({escaped(item.subject)})" if item.subject else "")
    reason = f" (policy: {escaped(item.reason)})" if item.reason and not isinstance(item, Silenced) else ""
    return f"**{code(item.id)}** at {place}{' **new**' if new else ''}<br>{escaped(item.message)}{reason}"


def _models(models: Sequence[Model]) -> str:
    rows = [
        (
            code(model.name),
            code(model.checkpoint),
            words.gpus(model),
            words.replicas(model),
            words.place(model),
        )
        for model in models
    ]
    fits = [(code(model.name), words.memory(model.fit), words.room(model.fit)) for model in models]
    parts = [
        table(("Model", "Checkpoint", "GPUs", "Replicas", "Pool"), rows),
        table(("Model", "Memory of each GPU, estimated", "Room"), fits),
    ]
    if any(model.probes for model in models):
        lives = [(code(model.name), words.start(model), words.drain(model)) for model in models]
        parts.append(table(("Model", "Start", "Drain: forget + finish + margin"), lives))
    return "\n\n".join(parts)


def _places(models: Sequence[Model]) -> str:
    return ", ".join(f"{model.name} on {words.gpus(model)}" for model in models)


def _cost(cost: Cost, today: date) -> str:
    rows = [
        (name, *outlook_words.rates(rate), outlook_words.month(rate))
        for name, rate in (
            ("no replica", cost.total.zero),
            ("the least replicas", cost.total.min),
            ("the most replicas", cost.total.max),
        )
    ]
    whole = table(("USD per hour", "On demand", "Spot", "On demand, a month"), rows, right=(1, 2, 3))
    notes = [
        f"Prices: {outlook_words.prices(cost, today)}. Not included: {escaped('; '.join(cost.excluded))}.",
        *([f"Without a known price: {escaped(', '.join(cost.unpriced))}."] if cost.unpriced else []),
    ]
    return folded(
        f"Cost: {words.span(cost.total)} USD per hour on demand", "\n\n".join([whole, _parts(cost), *notes])
    )


def _parts(cost: Cost) -> str:
    rows = [
        (
            f"model {code(item.name)}, alone on {code(item.machine)}",
            outlook_words.nodes(item.nodes),
            words.usd(item.rates.min.on_demand),
            words.usd(item.rates.max.on_demand),
        )
        for item in cost.models
    ]
    rows += [
        (
            f"pool {code(item.name)}, {item.capacity}",
            outlook_words.nodes(item.nodes),
            words.usd(item.rates.min.on_demand),
            words.usd(item.rates.max.on_demand),
        )
        for item in cost.pools
    ]
    rows += [
        (
            escaped(item.title),
            f"{item.quantity:g}",
            words.usd(item.usd_per_hour),
            words.usd(item.usd_per_hour),
        )
        for item in cost.fixed
    ]
    return table(("Part", "How many", "At least", "At most"), rows, right=(2, 3))


def _forecast(found: Sequence[Forecast]) -> str:
    lost = max(item.step.slo_lost_minutes for item in found)
    body = "\n\n".join(_one_forecast(item) for item in found)
    return folded(f"Forecast: a step of load makes first tokens late for {lost:.0f} minutes", body)


def _one_forecast(item: Forecast) -> str:
    head = f"{code(item.model)}: {outlook_words.pace(item)}"
    if late := outlook_words.hopeless(item):
        head += f" {late}"
    for metric in item.step.unknown_metrics:
        head += f" {code(metric)} is not simulated: it never adds a replica here."
    return f"{head}\n\n{fenced([*_curves(item.step), '', *_curves(item.day)], '')}"


def _curves(trace: Trace) -> Iterator[str]:
    ends = f"{trace.replicas_first} → {trace.replicas_most} → {trace.replicas_last}"
    yield f"{trace.trace}: {trace.description}"
    yield f"  load     {trace.load_curve}  peak {trace.peak_load:.3g} replicas' worth"
    yield f"  replicas {trace.replicas_curve}  {ends}"
    yield f"  {outlook_words.course(trace)}{outlook_words.came(trace)}"


def _resources(plan: Plan) -> str:
    rows = [
        (escaped(name or "the stack itself"), str(count), escaped(kinds))
        for name, count, kinds in words.components(plan.resources)
    ]
    return folded(
        words.counted(len(plan.resources), "resource"), table(("Component", "", "Kinds"), rows, right=(1,))
    )
