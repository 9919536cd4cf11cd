"""What costs more than it must, or than the file allows."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from elastic_vllm.catalog import MachineRow, accelerators, machines
from elastic_vllm.estimate import memory
from elastic_vllm.estimate.cost import node_rates
from elastic_vllm.estimate.packing import nodes_for
from elastic_vllm.estimate.placement import Placed
from elastic_vllm.rules.view import View
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.finding import Finding, Kind

OVER_BUDGET = Kind(
    id="over-budget",
    family="cost",
    severity="error",
    title="The stack may cost more than its budget",
    why="With the most replicas, each pool bought at the dearest way its `capacity` allows, the bill would "
    "pass `budget.maxHourlyUsd`. Lower a `maxNodes` or a `replicas.max`, or raise the budget.",
)
SPOT = Kind(
    id="spot-would-do",
    family="cost",
    severity="info",
    title="On demand where Spot first would do",
    why="`capacity: spot-then-on-demand` takes Spot machines while there are some, at about half the price "
    "(assumed), and falls back. Said where a reclaimed node leaves other replicas: outside production, or "
    "with two or more at least.",
)
OLD_PRICES = Kind(
    id="old-prices",
    family="cost",
    severity="warning",
    title="Prices that are older than the file allows",
    why="Every figure of the cost envelope rests on them. Renew the rows of elastic_vllm/catalog, or raise "
    "`budget.maxPriceAgeDays`.",
)
CHEAPER = Kind(
    id="cheaper-machine",
    family="cost",
    severity="info",
    title="A cheaper machine that also fits",
    why="All models of the pool fit it, by GPU memory, CPU and memory, and none loses FP8 multiply. A "
    "smaller GPU answers more slowly, so compare what a replica can serve before you change.",
)
WORTH_SAVING = 0.05
"""The share below which a cheaper machine is not worth a word."""


def the_most_is_within_the_budget(view: View) -> Iterator[Finding]:
    """Judged at full load."""
    limit, envelope = view.config.budget.max_hourly_usd, view.envelope
    if limit is None or envelope.declared_max <= limit:
        return
    parts = [f"{pool.nodes.max} x {pool.machine} of {pool.name}" for pool in envelope.pools]
    yield OVER_BUDGET.at(
        "budget.maxHourlyUsd",
        f"{limit:g} USD an hour, but with the most replicas the stack costs {envelope.declared_max:.2f} "
        f"({', '.join(parts)}, {envelope.fixed_usd_per_hour:.2f} fixed); lower a maxNodes, or raise it",
    )


def pools_buy_spot_where_it_would_do(view: View) -> Iterator[Finding]:
    """Where nothing is billed there is nothing to save."""
    if view.envelope.region is None:
        return
    for (key, pool, machine), cost in zip(view.pools, view.envelope.pools, strict=True):
        sharing = view.on(pool)
        replaceable = not view.production or all(at.model.replicas.min > 1 for at in sharing)
        if pool.capacity == "on-demand" and sharing and replaceable and machine.usd_per_hour:
            saved = cost.rates.max.on_demand - cost.rates.max.spot
            yield SPOT.at(
                f"{key}.capacity",
                f"on-demand; spot-then-on-demand would save up to {saved:.2f} USD an hour at full load "
                f"(Spot taken as {machine.spot_factor:.0%} of the price, assumed)",
                pool.name,
            )


def prices_are_recent(view: View) -> Iterator[Finding]:
    """The oldest price counts."""
    limit, envelope = view.config.budget.max_price_age_days, view.envelope
    if envelope.oldest is None:
        return
    old = [source for source in envelope.sources if (view.today - source.as_of).days > limit]
    if old:
        named = sorted(name for source in old for name in source.prices)
        shown = ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")
        age = (view.today - envelope.oldest).days
        message = f"{limit} days, but the price of {shown} is up to {age} days old; renew it in the catalog"
        yield OLD_PRICES.at("budget.maxPriceAgeDays", f"{message}, or raise the limit")


def no_cheaper_machine_fits(view: View) -> Iterator[Finding]:
    """Every machine of the cloud, priced for the same replicas at full load."""
    for key, pool, machine in view.pools:
        sharing = view.on(pool)
        now = _full_load_usd(view, sharing, machine)
        if not now or len(sharing) != sum(at.pool.name == pool.name for at in view.placed):
            continue
        best = _cheapest(view, sharing, pool, machine, below=now * (1 - WORTH_SAVING))
        if best:
            usd, other = best
            slower = "" if other.accelerator == machine.accelerator else "; another GPU, so compare its speed"
            yield CHEAPER.at(
                f"{key}.{pool.machine_key}",
                f"{machine.name} costs {now:.2f} USD an hour for the most replicas; {other.gpus} x "
                f"{other.accelerator} on {other.name} fits too and costs {usd:.2f}{slower}",
                pool.name,
            )


def _cheapest(
    view: View, sharing: list[Placed], pool: NodePoolSpec, machine: MachineRow, *, below: float
) -> tuple[float, MachineRow] | None:
    """The cheapest other machine that carries all, and its rate; the cheap question is asked first."""
    best: tuple[float, MachineRow] | None = None
    gpus = sum(at.model.replicas.max * at.model.gpus_per_replica for at in sharing)
    for other in machines(view.config.cluster.catalogue).values():
        if other.name == machine.name or not other.on_demand or other.usd_per_hour is None:
            continue
        if ceil(gpus / other.gpus) * other.usd_per_hour >= (best[0] if best else below):
            continue
        moved = _moved(sharing, pool, other)
        usd = _full_load_usd(view, moved, other) if moved else None
        if usd is not None and usd < (best[0] if best else below):
            best = (usd, other)
    return best


def _moved(sharing: list[Placed], pool: NodePoolSpec, machine: MachineRow) -> list[Placed]:
    """The models on a pool of another machine; empty if one of them does not fit it."""
    wider = pool.model_copy(update={"accelerator": machine.accelerator, "gpus_per_node": machine.gpus})
    gpu = accelerators()[machine.accelerator]
    moved = []
    for before in sharing:
        at = replace(before, pool=wider, machine=machine, accelerator=gpu)
        if not _serves(at, before):
            return []
        moved.append(at)
    return moved


def _serves(at: Placed, before: Placed) -> bool:
    """Whether a model fits, and still multiplies in FP8 if it did before."""
    loses = before.accelerator.fp8_compute and not at.accelerator.fp8_compute
    slower = loses and at.checkpoint.precision == "fp8"
    return at.replicas_per_node > 0 and not slower and memory.fit_of(at).fits


def _full_load_usd(view: View, sharing: list[Placed], machine: MachineRow) -> float | None:
    if not sharing or machine.usd_per_hour is None:
        return None
    nodes = nodes_for([(at, at.model.replicas.max) for at in sharing])
    return nodes * node_rates(view.config, machine).on_demand
