"""Text for parts of a plan, shared by its terminal and Markdown forms. Pure."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date

from pydantic import JsonValue

from elastic_vllm.estimate.cost import Envelope, Levels, Nodes
from elastic_vllm.estimate.memory import Fit
from elastic_vllm.spec.finding import Finding
from fleet.plan.document import Difference, FieldChange, Model, Plan, Resource, ResourceChange

LEVELS = ("0 replicas", "min replicas", "max replicas")
"""Headings of the levels of cost."""

_LONGEST = 100
_ABSENT = "(none)"


def counted(number: int, noun: str) -> str:
    """A number and its noun, as many as there are."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def usd(amount: float) -> str:
    """Dollars: cents below a thousand, none above."""
    return f"{amount:,.2f}" if abs(amount) < 1000 else f"{amount:,.0f}"


def usd_signed(amount: float) -> str:
    """Dollars with their sign."""
    return f"{'+' if amount >= 0 else '−'}{usd(abs(amount))}"


def span(levels: Levels) -> str:
    """On demand, from min to max replicas."""
    low, high = usd(levels.min.on_demand), usd(levels.max.on_demand)
    return low if low == high else f"{low} to {high}"


def verdict(plan: Plan) -> str:
    """How many errors and warnings the plan has."""
    found = [
        counted(len(items), noun)
        for items, noun in ((plan.errors, "error"), (plan.warnings, "warning"))
        if items
    ]
    return ", ".join(found) or "no errors, no warnings"


def location(finding: Finding) -> str:
    """The finding's key, and the model or pool in brackets."""
    return f"{finding.key} ({finding.subject})" if finding.subject else finding.key


def summary(plan: Plan) -> str:
    """The stack in one line."""
    where = " ".join(part for part in (plan.cloud, plan.region) if part)
    parts = [where, counted(len(plan.models), "model"), counted(len(plan.resources), "resource")]
    if plan.cost:
        parts.append(f"{span(plan.cost.total)} USD per hour on demand")
    return " · ".join(part for part in parts if part)


def cost_change(plan: Plan) -> str:
    """Cost before and after the change; empty where one side is not known or nothing changes."""
    before = plan.difference.cost_before if plan.difference else None
    if before is None or plan.cost is None or before == plan.cost.total:
        return ""
    pairs = zip(LEVELS[1:], (before.min, before.max), (plan.cost.total.min, plan.cost.total.max), strict=True)
    parts = [
        f"{level} {usd(was.on_demand)} → {usd(now.on_demand)} ({usd_signed(now.on_demand - was.on_demand)})"
        for level, was, now in pairs
        if was != now
    ]
    return f"{', '.join(parts)} USD per hour on demand" if parts else ""


def nodes(counts: Nodes) -> str:
    """How many nodes there are at min and max replicas."""
    return counted(counts.max, "node") if counts.min == counts.max else f"{counts.min} to {counts.max} nodes"


def prices(cost: Envelope, today: date) -> str:
    """Where the prices come from, and how old they are."""
    if cost.oldest is None:
        return f"no prices are known for {cost.price_region}"
    age = counted(max(0, (today - cost.oldest).days), "day")
    where = cost.region or cost.price_region
    elsewhere = (
        f"; of {cost.price_region}, for want of others: {', '.join(cost.elsewhere)}" if cost.elsewhere else ""
    )
    return f"list prices of {where}, the oldest of {cost.oldest} ({age} old){elsewhere}"


def spot(cost: Envelope) -> str:
    """What Spot is taken to cost, and on what ground; empty where nothing is priced."""
    return "; ".join(
        f"{one.machine} {one.share:.0%} of on demand"
        + (f" (seen: {one.seen[0]:.0%} to {one.seen[1]:.0%})" if one.seen else " (assumed)")
        for one in cost.spot
    )


def changes(found: Difference) -> str:
    """How many resources are added, changed, replaced and removed."""
    counts = Counter(change.action for change in found.resources)
    unsure = sum(change.action == "change" and change.replacement == "maybe" for change in found.resources)
    parts = [
        f"{counts['add']} added" if counts["add"] else "",
        f"{counts['change']} changed" + (f" ({unsure} may be replaced)" if unsure else "")
        if counts["change"]
        else "",
        f"{counts['replace']} replaced" if counts["replace"] else "",
        f"{counts['remove']} removed" if counts["remove"] else "",
    ]
    return ", ".join(part for part in parts if part) or "no resource changes"


def dangers(difference: Difference) -> tuple[str, ...]:
    """Changes that a reviewer must not miss: of protected resources, or of resources that others read."""
    found = []
    for change in difference.resources:
        if change.protected and change.action in ("replace", "remove"):
            found.append(f"{title(change)} is protected: `pulumi up` refuses to {_verb(change)} it")
        elif change.action == "replace" and change.readers:
            found.append(f"{title(change)} is replaced: {counted(change.readers, 'resource')} may follow")
    return tuple(found)


def _verb(change: ResourceChange) -> str:
    return "replace" if change.action == "replace" else "delete"


def title(item: Resource | ResourceChange) -> str:
    """A resource by kind and name."""
    return f"{kind(item.type)} {item.name}"


def kind(resource_type: str) -> str:
    """The last word of a type token."""
    return resource_type.rpartition(":")[2]


def remark(change: ResourceChange) -> str:
    """A note on a change that its fields do not show."""
    if change.action == "change" and change.replacement == "maybe":
        return "may be replaced: only the provider knows"
    if change.retained:
        return "retained: leaves the stack, is not deleted"
    return "protected" if change.protected and change.action != "change" else ""


def shown(value: JsonValue) -> str:
    """A value on one line, cut when it is long."""
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
    fits = f"{counted(each, 'replica')} per node" if each else "no replica fits"
    if each and model.nodes_per_replica > 1:
        fits = f"{model.nodes_per_replica} nodes per replica"
    return f"{model.pool}: max {model.nodes_max} × {model.machine}, {fits}"


def memory(fit: Fit) -> str:
    """Where the memory of each GPU goes."""
    parts = f"{fit.weights_gib:.1f} weights + {fit.activations_gib:.1f} activations"
    return f"{parts} + {max(0, fit.cache_gib):.1f} cache of {fit.usable_gib:.1f} GiB"


def gpus(model: Model) -> str:
    """GPUs of a replica, and its engines where there are several."""
    engines = f", {model.engines_per_replica} engines" if model.engines_per_replica > 1 else ""
    return f"{model.gpus_per_replica} × {model.accelerator}{engines}"


def kv_cache(fit: Fit) -> str:
    """How many requests the KV cache holds."""
    if fit.cache_gib <= 0:
        return "does not fit: no memory is left for the KV cache"
    if not fit.fits:
        return f"does not fit {fit.context:,} tokens; max {fit.longest:,}"
    return f"{fit.concurrency:.1f} requests of {fit.context:,} tokens at once; max {fit.longest:,} tokens"


def start(model: Model) -> str:
    """How long a replica may take to be ready, and when liveness restarts it."""
    if model.probes is None:
        return "unknown"
    return f"ready ≤ {model.probes.startup_seconds} s, restart after {model.probes.liveness_seconds} s"


def drain(model: Model) -> str:
    """The grace period: propagation, finish and margin."""
    by = model.drain
    if by is None:
        return "unknown"
    margin = by.grace_seconds - by.propagation_seconds - by.finish_seconds
    return f"{by.propagation_seconds} + {by.finish_seconds} + {margin} = {by.grace_seconds} s"
