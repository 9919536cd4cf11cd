"""Cost of a stack per hour: at 0, min and max replicas. Pure.

Prices are the catalogue's: list prices of the stack's region, and of the catalogue's own region where that
one's are not known, which is said. What no figure contains is named. Spot is a share of the on-demand price
that was seen once in the region, or an assumed one; it is no quotation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from elastic_vllm.catalog import (
    HOURS_PER_MONTH,
    MachineRow,
    ServiceRow,
    price_region,
    service_in,
    services,
)
from elastic_vllm.catalog.rows import Row
from elastic_vllm.estimate.packing import nodes_for
from elastic_vllm.estimate.placement import Placed, machine_of, placed
from elastic_vllm.json_names import JsonNames
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.stack import StackConfig


@dataclass(frozen=True, kw_only=True)
class Rates(JsonNames):
    """USD per hour, by how GPU machines are bought."""

    on_demand: float
    spot: float

    def __add__(self, other: "Rates") -> "Rates":
        return Rates(on_demand=self.on_demand + other.on_demand, spot=self.spot + other.spot)

    def __mul__(self, times: float) -> "Rates":
        return Rates(on_demand=self.on_demand * times, spot=self.spot * times)

    @property
    def month(self) -> "Rates":
        """USD per month of 730 hours."""
        return self * HOURS_PER_MONTH


NOTHING = Rates(on_demand=0, spot=0)


@dataclass(frozen=True, kw_only=True)
class Nodes(JsonNames):
    """GPU nodes at 0, min and max replicas. Warm headroom is kept at each."""

    zero: int
    min: int
    max: int


@dataclass(frozen=True, kw_only=True)
class Levels(JsonNames):
    """Rates at 0, min and max replicas."""

    zero: Rates
    min: Rates
    max: Rates

    def __add__(self, other: "Levels") -> "Levels":
        return Levels(zero=self.zero + other.zero, min=self.min + other.min, max=self.max + other.max)


@dataclass(frozen=True, kw_only=True)
class ModelCost(JsonNames):
    """One model on nodes of its own; models that share nodes cost less together than the sum."""

    name: str
    pool: str
    machine: str
    nodes: Nodes
    rates: Levels


@dataclass(frozen=True, kw_only=True)
class SpotShare(JsonNames):
    """What Spot is taken to cost, as a share of the price on demand."""

    machine: str
    share: float
    seen: tuple[float, float] | None
    """The lowest and the highest share that a source has for the region; ``None`` where it is assumed."""


@dataclass(frozen=True, kw_only=True)
class PoolCost(JsonNames):
    """A pool with all its models, and with the nodes it keeps in any case."""

    name: str
    machine: str
    capacity: str
    node: Rates
    """One node with its disks."""
    nodes: Nodes
    """Nodes that run."""
    rates: Levels
    """Reserved machines are billed whether they run or not: for them always those of ``maxNodes``."""

    def declared(self, at: Rates) -> float:
        """What the pool pays at most, as its ``capacity`` buys."""
        return bought(at, self.capacity)


@dataclass(frozen=True, kw_only=True)
class FixedCost(JsonNames):
    """A part of the bill that is there as long as the stack is."""

    title: str
    quantity: float
    usd_per_hour: float
    """For the whole quantity."""
    source: str
    as_of: date
    estimated: bool


@dataclass(frozen=True, kw_only=True)
class Source(JsonNames):
    """Where prices of this envelope come from."""

    text: str
    as_of: date
    prices: tuple[str, ...]
    """What it was asked for: machines and services by name."""


@dataclass(frozen=True, kw_only=True)
class Envelope(JsonNames):
    """The bounds between which the bill moves."""

    total: Levels
    """Everything, as if every pool bought on demand, and as if each bought Spot above its floor."""
    declared_max: float
    """USD per hour at max replicas, each pool at the dearest rate that its ``capacity`` allows."""
    models: tuple[ModelCost, ...]
    pools: tuple[PoolCost, ...]
    fixed: tuple[FixedCost, ...]
    unpriced: tuple[str, ...]
    """Machines without a known price; they count as nothing, so every total is a lower bound."""
    spot: tuple[SpotShare, ...]
    elsewhere: tuple[str, ...]
    """What is priced as in ``price_region``, for want of the region's own price."""
    price_region: str
    """The catalogue's own region."""
    region: str | None
    """Where the stack runs; ``None`` where nothing is billed."""
    sources: tuple[Source, ...]
    excluded: tuple[str, ...]

    @property
    def fixed_usd_per_hour(self) -> float:
        """All that does not depend on load."""
        return sum(part.usd_per_hour for part in self.fixed)

    @property
    def oldest(self) -> date | None:
        """The date of the oldest price."""
        return min((source.as_of for source in self.sources), default=None)


def envelope(config: StackConfig) -> Envelope:
    """The cost envelope of a stack. Models and pools that no machine carries are left out."""
    carried = [at for at in placed(config) if at.replicas_per_node > 0]
    pools, lines = _pools(config), config.cluster.bill()
    known = _services(config)
    fixed = {name: quantity for name, quantity in lines.fixed.items() if name in known}
    priced = {machine.name: machine for _, machine in pools if machine.usd_per_hour is not None}
    billed = {name for _, machine in pools for name in config.cluster.bill(machine).per_gpu_node}
    rows: list[ServiceRow | MachineRow] = [*priced.values(), *(known[name] for name in {*fixed, *billed})]
    missing = {m.name for _, m in pools if m.usd_per_hour is None} | (set(lines.fixed) - set(fixed))
    costs = tuple(_pool(config, pool, machine, carried) for pool, machine in pools)
    always = tuple(_fixed(known[name], quantity) for name, quantity in fixed.items())
    base = sum(part.usd_per_hour for part in always)
    fixed_rates = Rates(on_demand=base, spot=base)
    floor = Levels(zero=fixed_rates, min=fixed_rates, max=fixed_rates)
    return Envelope(
        total=sum((pool.rates for pool in costs), floor),
        declared_max=base + sum(pool.declared(pool.rates.max) for pool in costs),
        models=tuple(_model(config, at) for at in carried),
        pools=costs,
        fixed=always,
        unpriced=tuple(sorted(missing)),
        spot=tuple(
            SpotShare(machine=machine.name, share=machine.spot_factor, seen=machine.spot_range)
            for machine in priced.values()
        ),
        elsewhere=tuple(sorted(row.name for row in rows if lines.region not in (None, row.price_region))),
        price_region=price_region(config.cluster.catalogue),
        region=lines.region,
        sources=_sources(rows),
        excluded=lines.excluded,
    )


def node_rates(config: StackConfig, machine: MachineRow) -> Rates:
    """One GPU node: its machine and what is billed with it. A machine without a price counts as nothing."""
    beside = config.cluster.bill(machine).per_gpu_node
    known = _services(config)
    extra = sum(known[name].usd_per_hour * quantity for name, quantity in beside.items())
    return machine_rates(machine) + Rates(on_demand=extra, spot=extra)


def machine_rates(machine: MachineRow) -> Rates:
    """The bare machine. One without a price counts as nothing."""
    bare = machine.usd_per_hour or 0.0
    return Rates(on_demand=bare, spot=bare * machine.spot_factor)


def node_price(config: StackConfig, pool: NodePoolSpec, machine: MachineRow) -> float | None:
    """USD per hour of one node, as its pool's ``capacity`` buys it; None where the machine has no price."""
    if machine.usd_per_hour is None:
        return None
    return bought(node_rates(config, machine), pool.capacity)


def bought(rates: Rates, capacity: str) -> float:
    """The dearest rate at which a ``capacity`` buys."""
    return rates.spot if capacity == "spot" else rates.on_demand


def _services(config: StackConfig) -> dict[str, ServiceRow]:
    """What the cloud bills, at the prices of the stack's region."""
    cloud, region = config.cluster.catalogue, config.cluster.bill().region
    return {name: service_in(row, cloud, region) for name, row in services(cloud).items()}


def _pools(config: StackConfig) -> list[tuple[NodePoolSpec, MachineRow]]:
    found = ((pool, machine_of(config, pool)) for pool in config.pools)
    return [(pool, machine) for pool, machine in found if machine is not None]


def _model(config: StackConfig, at: Placed) -> ModelCost:
    warm = at.model.headroom
    least = nodes_for([(at, at.model.replicas.min + warm)])
    most = min(nodes_for([(at, at.model.replicas.max + warm)]), at.pool.max_nodes)
    nodes = Nodes(zero=nodes_for([(at, warm)]), min=min(least, at.pool.max_nodes), max=most)
    return ModelCost(
        name=at.model.name,
        pool=at.pool.name,
        machine=at.machine.name,
        nodes=nodes,
        rates=_levels(node_rates(config, at.machine), nodes),
    )


def _pool(
    config: StackConfig, pool: NodePoolSpec, machine: MachineRow, carried: Sequence[Placed]
) -> PoolCost:
    here = [at for at in carried if at.pool.name == pool.name]
    least = nodes_for([(at, at.model.replicas.min + at.model.headroom) for at in here])
    most = nodes_for([(at, at.model.replicas.max + at.model.headroom) for at in here])
    kept = nodes_for([(at, at.model.headroom) for at in here])
    nodes = Nodes(zero=_within(pool, kept), min=_within(pool, least), max=_within(pool, most))
    node, most = node_rates(config, machine), pool.max_nodes
    reserved = pool.capacity == "reserved"
    if reserved:
        node = replace(node, spot=node.on_demand)
    rates = _levels(node, Nodes(zero=most, min=most, max=most) if reserved else nodes)
    floor = 0 if pool.capacity == "spot" else pool.min_nodes * (node.on_demand - node.spot)
    return PoolCost(
        name=pool.name,
        machine=machine.name,
        capacity=pool.capacity,
        node=node,
        nodes=nodes,
        rates=rates + Levels(**dict.fromkeys(("zero", "min", "max"), Rates(on_demand=0, spot=floor))),
    )


def _within(pool: NodePoolSpec, nodes: int) -> int:
    return min(max(nodes, pool.min_nodes), pool.max_nodes)


def _levels(node: Rates, nodes: Nodes) -> Levels:
    return Levels(zero=node * nodes.zero, min=node * nodes.min, max=node * nodes.max)


def _fixed(row: ServiceRow, quantity: float) -> FixedCost:
    return FixedCost(
        title=row.title,
        quantity=quantity,
        usd_per_hour=row.usd_per_hour * quantity,
        source=row.source,
        as_of=row.as_of,
        estimated=row.estimated,
    )


def _sources(rows: Iterable[Row]) -> tuple[Source, ...]:
    named: dict[tuple[date, str], list[str]] = {}
    for row in rows:
        if isinstance(row, ServiceRow | MachineRow):
            named.setdefault((row.as_of, row.source), []).append(row.name)
    return tuple(
        Source(text=text, as_of=as_of, prices=tuple(sorted(names)))
        for (as_of, text), names in sorted(named.items())
    )
