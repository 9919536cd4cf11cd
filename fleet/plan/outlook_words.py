"""The figures of a plan in words: prices, paces, courses. Pure."""

from datetime import date

from elastic_vllm.catalog import HOURS_PER_MONTH
from fleet.plan.models import Plan
from fleet.plan.outlook import Cost, Forecast, NodeCounts, Rates, Trace
from fleet.plan.words import counted, usd


def cost_change(plan: Plan) -> str:
    """What the change costs at the most replicas; empty where one side is not known or nothing changes."""
    before = plan.difference.cost_before if plan.difference else None
    if before is None or plan.cost is None or before == plan.cost.total:
        return ""
    told = [
        f"{level} {usd(was.on_demand)} → {usd(now.on_demand)} ({usd_signed(now.on_demand - was.on_demand)})"
        for level, was, now in (
            ("at least", before.min, plan.cost.total.min),
            ("at most", before.max, plan.cost.total.max),
        )
        if was != now
    ]
    return f"{', '.join(told)} USD per hour on demand" if told else ""


def usd_signed(amount: float) -> str:
    """Dollars with their sign."""
    return f"{'+' if amount >= 0 else '−'}{usd(abs(amount))}"


def nodes(counts: NodeCounts) -> str:
    """How many nodes there are at the least and the most replicas."""
    return counted(counts.max, "node") if counts.min == counts.max else f"{counts.min} to {counts.max} nodes"


def rates(rate: Rates) -> tuple[str, str]:
    """On demand and Spot, by the hour."""
    return usd(rate.on_demand), usd(rate.spot)


def month(rate: Rates) -> str:
    """On demand, by the month."""
    return usd(rate.on_demand * HOURS_PER_MONTH)


def prices(cost: Cost, today: date) -> str:
    """Where the prices come from, and how old they are."""
    dates = [source.as_of for source in cost.sources]
    if not dates:
        return f"no prices are known for {cost.price_region}"
    age = counted(max(0, (today - min(dates)).days), "day")
    elsewhere = f"; the stack runs in {cost.region}" if cost.region not in (None, cost.price_region) else ""
    return f"list prices of {cost.price_region}, the oldest of {min(dates)} ({age} old){elsewhere}"


def pace(item: Forecast) -> str:
    """What a replica carries, and when a new one does."""
    new = item.boot_seconds + item.load_seconds
    spread = f" on {item.nodes_per_replica} nodes" if item.nodes_per_replica > 1 else ""
    its = "its nodes are" if item.nodes_per_replica > 1 else "its node is"
    warm = f"; on a warm place ({item.headroom} kept) {item.load_seconds:.0f} s" if item.headroom else ""
    return (
        f"{item.capacity_rps:.1f} requests/s a replica{spread}; a new one answers {new:.0f} s after {its} "
        f"ordered ({item.boot_seconds:.0f} s boot and pull, {item.load_seconds:.0f} s load){warm}."
    )


def hopeless(item: Forecast) -> str:
    """Said where not even a lone request keeps the SLO."""
    if item.ttft_at_rest <= item.ttft_slo_seconds:
        return ""
    return (
        f"A lone request waits {item.ttft_at_rest:.2f} s (P99) for its first token: the SLO of "
        f"{item.ttft_slo_seconds:g} s cannot be held on this machine."
    )


def course(trace: Trace) -> str:
    """A trace's figures in one line."""
    late = f"first token late in {trace.slo_lost_minutes:.0f} of {trace.minutes:.0f} min"
    refused = f", {100 * trace.refused_share:.2g} % refused" if trace.refused_share else ""
    bill = "no price" if trace.usd is None else f"{usd(trace.usd)} USD"
    return f"{late}{refused}, {trace.gpu_hours:.1f} GPU h, {bill}"


def came(trace: Trace) -> str:
    """When the replicas came that a rise called for; nothing where there was no rise to wait for."""
    if trace.trace != "step":
        return ""
    told = [f"{item.replicas} after {item.seconds:.0f} s" for item in trace.reached if item.seconds]
    return f"; ready: {', '.join(told)}" if told else "; no replica is added"
