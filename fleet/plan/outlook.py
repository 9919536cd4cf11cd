"""The figures in a plan's document: what the stack costs, and what happens to it under load."""

from datetime import date

from fleet.plan.record import Record


class Rates(Record):
    """USD per hour, by how GPU machines are bought."""

    on_demand: float
    spot: float


class Levels(Record):
    """Rates when no replica runs, the least and the most."""

    zero: Rates
    min: Rates
    max: Rates


class NodeCounts(Record):
    """GPU nodes when no replica runs, the least and the most."""

    zero: int
    min: int
    max: int


class ModelCost(Record):
    """One model on nodes of its own; models that share nodes cost less together than the sum."""

    name: str
    pool: str
    machine: str
    nodes: NodeCounts
    rates: Levels


class PoolCost(Record):
    """A pool with all its models, and with the nodes it keeps in any case."""

    name: str
    machine: str
    capacity: str
    nodes: NodeCounts
    rates: Levels


class FixedCost(Record):
    """A part of the bill that is there as long as the stack is."""

    title: str
    quantity: float
    usd_per_hour: float
    estimated: bool


class PriceSource(Record):
    """Where prices come from."""

    text: str
    as_of: date


class Cost(Record):
    """The bounds between which the bill moves."""

    total: Levels
    declared_max: float
    """At the most replicas, each pool at the dearest way of buying that it allows."""
    models: tuple[ModelCost, ...]
    pools: tuple[PoolCost, ...]
    fixed: tuple[FixedCost, ...]
    unpriced: tuple[str, ...]
    price_region: str
    region: str | None
    sources: tuple[PriceSource, ...]
    excluded: tuple[str, ...]


class Reached(Record):
    """So many replicas answered, so many seconds after the load rose."""

    replicas: int
    seconds: float


class Trace(Record):
    """What one course of load comes to."""

    trace: str
    description: str
    minutes: float
    peak_load: float
    """In replicas' worth."""
    load_curve: str
    """The course as a line of text."""
    replicas_curve: str
    replicas_first: int
    replicas_most: int
    replicas_last: int
    reached: tuple[Reached, ...]
    slo_lost_minutes: float
    refused_share: float
    gpu_hours: float
    usd: float | None
    """GPU nodes alone; ``None`` where the catalogue has no price."""
    unknown_metrics: tuple[str, ...]
    """Metrics of the policy that are not simulated: taken as unreadable."""


class Forecast(Record):
    """One model, alone on its pool, under a step and over a day."""

    model: str
    nodes_per_replica: int = 1
    headroom: int = 0
    """Places that are kept warm for further replicas."""
    boot_seconds: float
    load_seconds: float
    capacity_rps: float
    """Requests per second that one replica sustains."""
    ttft_slo_seconds: float
    ttft_at_rest: float
    """P99 of a request that meets nobody else."""
    step: Trace
    day: Trace
