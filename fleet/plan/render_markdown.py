"""The plan as GitHub's Markdown: verdict, difference and findings first, the rest folded."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from elastic_vllm.estimate.cost import Envelope
from elastic_vllm.simulate.forecast import ModelForecast
from elastic_vllm.spec.finding import Finding
from fleet.plan import forecast_view, tables
from fleet.plan import format as text
from fleet.plan.document import Difference, Model, Plan, ResourceChange, Silenced
from fleet.plan.markdown import code, escaped, escaped_text, fenced, folded, table

_ICONS = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}
_CURVE = 48
"""Characters of a curve."""
_OPEN_UP_TO = 40
"""Lines of changes that are shown unfolded."""
_BRIEFLY = 20
"""Findings that are listed where there is no room."""
_SIGNS = {"add": "+", "change": "!", "replace": "!", "remove": "-"}


def render(plan: Plan, today: date) -> str:
    """One stack."""
    parts = [_verdict(plan)]
    if plan.difference:
        parts.append(_against(plan, plan.difference))
    parts += _findings(plan)
    if plan.models:
        models = _tables(*tables.models(plan.models))
        parts.append(folded(f"Models: {_places(plan.models)}", models) if plan.difference else models)
    if plan.cost:
        parts.append(_cost(plan.cost, today))
    if plan.forecast:
        parts.append(_forecast(plan.forecast))
    if plan.resources:
        resources = _tables(tables.components(plan.resources))
        parts.append(folded(text.counted(len(plan.resources), "resource"), resources))
    return "\n\n".join(parts) + "\n"


def brief(plan: Plan) -> str:
    """One stack in short: the verdict, and one line per finding."""
    grave = [
        f"- {_ICONS[item.severity]} {code(item.id)} at {code(text.location(item))}" for item in plan.findings
    ]
    most = [*grave[:_BRIEFLY], *(["- …"] if len(grave) > _BRIEFLY else [])]
    found = plan.difference
    against = f"**Against {code(found.ref)}**: {text.changes(found)}" if found and found.comparable else ""
    note = f"No room for the rest: run `fleet plan --stack {plan.stack}`."
    return "\n\n".join(part for part in (_verdict(plan), against, "\n".join(most), note) if part) + "\n"


def _verdict(plan: Plan) -> str:
    icon = "❌" if plan.errors else "⚠️" if plan.warnings else "✅"
    stop = ": `pulumi up` would stop" if plan.errors else ""
    return f"### {icon} {code(plan.stack)}: {text.verdict(plan)}{stop}\n\n{text.summary(plan)}"


def _against(plan: Plan, found: Difference) -> str:
    lines = (
        text.changes(found) if found.comparable else "",
        escaped(found.note),
        _turnover(found),
        text.cost_change(plan),
    )
    points = "\n".join(f"- {part}" for part in lines if part)
    parts = [f"**Against {code(found.ref)}** ({found.commit[:7]})\n{points}"]
    parts += [f"> [!CAUTION]\n> {escaped_text(danger)}" for danger in text.dangers(found)]
    if found.resources and not found.note:
        block = list(_lines(found.resources))
        state = " open" if len(block) <= _OPEN_UP_TO else ""
        parts.append(folded(f"Changes: {text.changes(found)}", fenced(block), state))
    return "\n\n".join(parts)


def _turnover(found: Difference) -> str:
    counts = [
        f"{sign}{text.counted(len(items), 'finding')} ({', '.join(sorted({code(i.id) for i in items}))})"
        for sign, items in (("+", found.findings_gained), ("−", found.findings_lost))
        if items
    ]
    return ", ".join(counts)


def _lines(changes: Iterable[ResourceChange]) -> Iterator[str]:
    component = None
    for change in changes:
        if change.component != component:
            component = change.component
            yield f"@@ {component or 'the stack itself'} @@"
        note = text.remark(change)
        verb = "±" if change.action == "replace" else ""
        yield f"{_SIGNS[change.action]} {verb}{text.title(change)}" + (f"  # {note}" if note else "")
        for field in change.fields:
            yield f"-     {text.field_path(field)}: {text.shown(field.before)}"
            yield f"+     {text.field_path(field)}: {text.shown(field.after)}{text.field_note(field)}"


def _findings(plan: Plan) -> list[str]:
    """Errors and warnings in the open, info folded."""
    grave = [finding for finding in plan.findings if finding.severity != "info"]
    other = [finding for finding in plan.findings if finding.severity == "info"]
    gained = plan.difference.findings_gained if plan.difference else ()
    parts = [_finding_table(grave, gained)] if grave else []
    if other:
        parts.append(folded(text.counted(len(other), "info finding"), _finding_table(other, gained)))
    if plan.silenced:
        parts.append(
            folded(f"{text.counted(len(plan.silenced), 'finding')} silenced by policy", _silent(plan))
        )
    return parts


def _silent(plan: Plan) -> str:
    rows = [(_finding(item), escaped(item.reason), str(item.expires)) for item in plan.silenced]
    return table(("Silenced finding", "Reason", "Until"), rows)


def _finding_table(findings: Sequence[Finding], gained: Sequence[Finding]) -> str:
    """Two columns: a key may be long, and the words beside it would be squeezed."""
    rows = [(_ICONS[item.severity], _finding(item, new=item in gained)) for item in findings]
    return table(("", "Finding"), rows)


def _finding(item: Finding, *, new: bool = False) -> str:
    place = code(item.key) + (f" ({escaped(item.subject)})" if item.subject else "")
    reason = f" (policy: {escaped(item.reason)})" if item.reason and not isinstance(item, Silenced) else ""
    return f"**{code(item.id)}** at {place}{' **new**' if new else ''}<br>{escaped(item.message)}{reason}"


def _tables(*found: tables.Table) -> str:
    return "\n\n".join(table(one.heads, (map(escaped, row) for row in one.rows), one.right) for one in found)


def _places(models: Sequence[Model]) -> str:
    return ", ".join(f"{model.name} on {text.gpus(model)}" for model in models)


def _cost(cost: Envelope, today: date) -> str:
    parts = [
        _tables(*tables.cost(cost)),
        f"Prices: {text.prices(cost, today)}. Not included: {escaped('; '.join(cost.excluded))}.",
        *([f"Spot: {escaped(text.spot(cost))}."] if cost.spot else []),
        *([f"Without a known price: {escaped(', '.join(cost.unpriced))}."] if cost.unpriced else []),
    ]
    return folded(f"Cost: {text.span(cost.total)} USD per hour on demand", "\n\n".join(parts))


def _forecast(found: Sequence[ModelForecast]) -> str:
    breach = max(item.step.slo_breach_minutes for item in found)
    body = "\n\n".join(
        f"{escaped_text(forecast_view.title(item))}\n\n{fenced(forecast_view.lines(item, _CURVE), '')}"
        for item in found
    )
    return folded(f"Forecast: TTFT P99 above SLO for {breach:.0f} min in a step of load", body)
