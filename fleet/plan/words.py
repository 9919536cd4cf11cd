"""Words and figures that every form of the plan shares. Pure."""

import json
from collections import Counter
from collections.abc import Iterable

from pydantic import JsonValue

from fleet.plan.models import Difference, FieldChange, Finding, Fit, Model, Plan, Resource, ResourceChange
from fleet.plan.outlook import Levels

_LONGEST = 100
_ABSENT = "(none)"


def counted(number: int, noun: str) -> str:
    """A number and its noun, as many as there are."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def usd(amount: float) -> str:
    """Dollars: cents below a thousand, none above."""
    return f"{amount:,.2f}" if abs(amount) < 1000 else f"{amount:,.0f}"


def span(levels: Levels) -> str:
    """On demand, from the least replicas to the most."""
    low, high = usd(levels.min.on_demand), usd(levels.max.on_demand)
    return low if low == high else f"{low} to {high}"


def judgement(plan: Plan) -> str:
    """What the rules make of the stack."""
    found = [
        counted(len(items), noun)
        for items, noun in ((plan.errors, "error"), (plan.warnings, "warning"))
        if items
    ]
    return ", ".join(found) or "no errors, no warnings"


def at(finding: Finding) -> str:
    """Where a finding lies."""
    return f"{finding.key} ({finding.subject})" if finding.subject else finding.key


def essence(plan: Plan) -> str:
    """The stack in one line."""
    where = " ".join(part for part in (plan.cloud, plan.region) if part)
    parts = [where, counted(len(plan.models), "model")]
    parts += [counted(len(plan.resources), "resource")] if plan.resources else ["nothing is made"]
    if plan.cost:
        parts.append(f"{span(plan.cost.total)} USD per hour on demand")
    return " · ".join(part for part in parts if part)


def changes(found: Difference) -> str:
    """How many resources meet which fate."""
    counts = Counter(change.action for change in found.resources)
    unsure = sum(change.action == "change" and change.replacement == "maybe" for change in found.resources)
    told = [
        f"{counts['add']} added" if counts["add"] else "",
        f"{counts['change']} changed" + (f" ({unsure} may be replaced)" if unsure else "")
        if counts["change"]
        else "",
        f"{counts['replace']} replaced" if counts["replace"] else "",
        f"{counts['remove']} removed" if counts["remove"] else "",
    ]
    return ", ".join(part for part in told if part) or "no resource changes"


def dangers(found: Difference) -> tuple[str, ...]:
    """What a reviewer must not miss: what is protected, and what a replacement draws along."""
    told = []
    for change in found.resources:
        if change.protected and change.action in ("replace", "remove"):
            told.append(f"{title(change)} is protected: `pulumi up` refuses to {_verb(change)} it")
        elif change.action == "replace" and change.readers:
            told.append(f"{title(change)} is replaced: {counted(change.readers, 'resource')} may follow")
    return tuple(told)


def _verb(change: ResourceChange) -> str:
    return "replace" if change.action == "replace" else "delete"


def title(item: Resource | ResourceChange) -> str:
    """A resource by kind and name."""
    return f"{kind(item.type)} {item.name}"


def kind(resource_type: str) -> str:
    """The last word of a type token."""
    return resource_type.rpartition(":")[2]


def remark(change: ResourceChange) -> str:
    """What cannot be seen from the fields of a change."""
    if change.action == "change" and change.replacement == "maybe":
        return "may replace: only the provider can tell"
    if change.retained:
        return "retained: leaves the stack, stays where it is"
    return "protected" if change.protected and change.action != "change" else ""


def shown(value: JsonValue) -> str:
    """A value on one line, and not for ever."""
    text = _ABSENT if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def field_path(field: FieldChange) -> str:
    """Where a field is, and which option it belongs to."""
    return f"{field.path} ({field.option})" if field.option else field.path


def field_note(field: FieldChange) -> str:
    """Whether the field replaces its resource."""
    return {"yes": "  # forces replacement", "maybe": "  # may force replacement", "no": ""}[
        field.replacement
    ]


def components(resources: Iterable[Resource]) -> list[tuple[str, int, str]]:
    """Each component, how many resources it has, and of which kinds."""
    grouped: dict[str, list[Resource]] = {}
    for item in resources:
        grouped.setdefault(item.component, []).append(item)
    return [
        (name, len(items), ", ".join(_times(count, word) for word, count in _kinds(items)))
        for name, items in sorted(grouped.items())
    ]


def _kinds(items: list[Resource]) -> list[tuple[str, int]]:
    named = Counter(
        f"{kind(item.type)} provider" if item.type.startswith("pulumi:providers:") else kind(item.type)
        for item in items
    )
    return sorted(named.items())


def _times(count: int, word: str) -> str:
    return word if count == 1 else f"{count} × {word}"


def replicas(model: Model) -> str:
    """The bounds, or the fixed count."""
    low, high = model.replicas_min, model.replicas_max
    warm = f", {model.headroom} warm" if model.headroom else ""
    return f"{low} to {high}{warm}" if low < high else f"{low}, fixed{warm}"


def place(model: Model) -> str:
    """Where a replica runs."""
    each = model.replicas_per_node
    fits = f"{counted(each, 'replica')} each" if each else "none fits"
    if each and model.nodes_per_replica > 1:
        fits = f"{model.nodes_per_replica} a replica" if each == 1 else f"{counted(each, 'part')} each"
    return f"{model.pool}: {model.nodes_max} × {model.machine}, {fits}"


def memory(fit: Fit) -> str:
    """Where the memory of each GPU goes."""
    parts = f"{fit.weights_gib:.1f} weights + {fit.activations_gib:.1f} activations"
    return f"{parts} + {max(0, fit.cache_gib):.1f} cache of {fit.usable_gib:.1f} GiB"


def gpus(model: Model) -> str:
    """What a replica has, and who shares it."""
    engines = f", {model.engines_per_replica} engines" if model.engines_per_replica > 1 else ""
    return f"{model.gpus_per_replica} × {model.accelerator}{engines}"


def room(fit: Fit) -> str:
    """What the cache is enough for."""
    if fit.cache_gib <= 0:
        return "does not fit: nothing is left for the KV cache"
    if not fit.fits:
        return f"does not fit {fit.context:,} tokens; at most {fit.longest:,}"
    return f"{fit.concurrency:.1f} requests of {fit.context:,} tokens at once; the longest {fit.longest:,}"


def start(model: Model) -> str:
    """How long a replica may take to start, and to be found dead."""
    if model.probes is None:
        return "unknown"
    return f"≤ {model.probes.startup_seconds} s, dead after {model.probes.liveness_seconds} s"


def drain(model: Model) -> str:
    """How a replica's grace period is made up."""
    if model.drain is None:
        return "unknown"
    by = model.drain
    margin = by.grace_seconds - by.propagation_seconds - by.finish_seconds
    return f"{by.propagation_seconds} + {by.finish_seconds} + {margin} = {by.grace_seconds} s"
