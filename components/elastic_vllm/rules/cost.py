"""What costs more than it must, or than the file allows."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from elastic_vllm.catalog import MachineRow, accelerators, machine_in, machines, sold
from elastic_vllm.estimate import memory
from elastic_vllm.estimate.cost import node_rates
from elastic_vllm.estimate.packing import nodes_for
from elastic_vllm.estimate.placement import Placed
from elastic_vllm.rules.view import View
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.finding import Finding, kind

OVER_BUDGET = kind("over-budget")
UNPRICED = kind("unpriced-under-budget")
ELSEWHERE = kind("price-of-another-region")
IDLE_FLOOR = kind("idle-floor")
SPOT = kind("spot-would-do")
OLD_PRICES = kind("old-prices")
CHEAPER = kind("cheaper-machine")
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
        f"{limit:g} USD an hour, but at max replicas the stack costs {envelope.declared_max:.2f} "
        f"({', '.join(parts)}, {envelope.fixed_usd_per_hour:.2f} fixed); lower a maxNodes, or raise it",
    )


def a_budget_knows_every_price(view: View) -> Iterator[Finding]:
    """What has no price would pass any budget."""
    limit, unpriced = view.config.budget.max_hourly_usd, view.envelope.unpriced
    if limit is not None and unpriced:
        yield UNPRICED.at(
            "budget.maxHourlyUsd",
            f"{limit:g} USD an hour cannot be held: the price of {', '.join(unpriced)} is not known; use "
            "another machine, add its price to the catalogue, or leave the budget out",
        )


def machines_have_the_price_of_their_region(view: View) -> Iterator[Finding]:
    """Those without any price aside."""
    region = view.envelope.region
    for key, pool, machine in view.pools:
        usd = machine.usd_per_hour
        if region is None or region == machine.price_region or usd is None:
            continue
        if sold(machine, region):  # else `offers` says more
            yield ELSEWHERE.at(
                f"{key}.{pool.machine_key}",
                f"no source has the price of {machine.name} in {region}; {usd:.2f} USD an hour is that of "
                f"{machine.price_region}",
                pool.name,
            )


def floors_do_more_work_than_they_wait(view: View) -> Iterator[Finding]:
    """Nodes that are always there, beside what min replicas fill."""
    for key, pool, machine in view.pools:
        sharing = view.on(pool)
        needed = nodes_for([(at, at.model.replicas.min + at.model.headroom) for at in sharing])
        idle = pool.min_nodes - needed
        if sharing and idle > needed:
            usd = idle * node_rates(view.config, machine).on_demand
            yield IDLE_FLOOR.at(
                f"{key}.minNodes",
                f"{pool.min_nodes} nodes are always there, but min replicas fill {needed}: {idle} x "
                f"{machine.name} wait for {usd:.2f} USD an hour; lower it, or use headroom",
                pool.name,
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
            if saved > 0:
                yield SPOT.at(
                    f"{key}.capacity",
                    f"on-demand; spot-then-on-demand would save up to {saved:.2f} USD an hour at full load "
                    f"(Spot taken as {machine.spot_factor:.0%} of the price, {_spot_ground(machine)})",
                    pool.name,
                )


def _spot_ground(machine: MachineRow) -> str:
    """What the share of a Spot machine's price rests on."""
    if machine.spot_range is None:
        return "assumed"
    low, high = machine.spot_range
    return "as listed" if low == high else f"where {low:.0%} to {high:.0%} was seen"


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
                f"{machine.name} costs {now:.2f} USD an hour at max replicas; {other.gpus} x "
                f"{other.accelerator} on {other.name} fits too and costs {usd:.2f}{slower}",
                pool.name,
            )


def _cheapest(
    view: View, sharing: list[Placed], pool: NodePoolSpec, machine: MachineRow, *, below: float
) -> tuple[float, MachineRow] | None:
    """The cheapest other machine that carries all, and its rate; the cheap question is asked first."""
    best: tuple[float, MachineRow] | None = None
    gpus = sum(at.model.replicas.max * at.model.gpus_per_replica for at in sharing)
    region = view.envelope.region
    for base in machines(view.config.cluster.catalogue).values():
        other = machine_in(base, region)
        if other.name == machine.name or not other.on_demand or other.usd_per_hour is None:
            continue
        if region is not None and not sold(other, region):
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
