"""What happens to each model of a stack when load comes: the entry point of this package."""

from dataclasses import dataclass

from elastic_vllm.simulate.forecast import traces
from elastic_vllm.simulate.forecast.conditions import Conditions
from elastic_vllm.simulate.forecast.engine import Engine
from elastic_vllm.simulate.forecast.outcome import Outcome
from elastic_vllm.simulate.forecast.simulation import simulate
from elastic_vllm.spec import ModelSpec, ReplicasSpec
from elastic_vllm.spec.stack import StackConfig


@dataclass(frozen=True, kw_only=True)
class ModelForecast:
    """One model under a step and over a day."""

    model: str
    pool: str
    machine: str
    replicas: ReplicasSpec
    nodes_per_replica: int
    headroom: int
    """Places that are kept warm for further replicas."""
    boot_seconds: float
    load_seconds: float
    capacity_rps: float
    """Requests per second that one replica sustains: what one replica's worth of load is."""
    ttft_slo_seconds: float
    ttft_at_rest: float
    """P99 of the time to first token of a request that meets nobody else, in seconds."""
    step: Outcome
    day: Outcome
    held_by: int | None
    """Replicas that would hold the SLO through the step, were they always there; None if all would not."""


@dataclass(frozen=True)
class Forecast:
    """Every model of a stack, in the order of the file."""

    models: tuple[ModelForecast, ...]


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a simulation says, whatever the model is called."""

    capacity_rps: float
    ttft_at_rest: float
    step: Outcome
    day: Outcome
    held_by: int | None


def forecast(config: StackConfig) -> Forecast:
    """Each model alone on its pool, in the catalogue's own time. Always the same for the same stack."""
    known: dict[str, _Found] = {}
    engines: dict[str, Engine] = {}
    found = []
    for model in config.models:
        conditions = Conditions.of(config, model)
        # Models that differ in their names alone are simulated once.
        key = conditions.unnamed()
        if key not in known:
            load = conditions.load_model(traces.MIX)
            # Bounds and policies decide nothing of what one replica does.
            engine = engines.get(repr(load)) or engines.setdefault(repr(load), Engine.of(load))
            known[key] = _found(conditions, engine)
        found.append(_forecast(conditions, known[key]))
    return Forecast(tuple(found))


def _found(conditions: Conditions, engine: Engine) -> _Found:
    bounds = conditions.model.replicas
    step = traces.step(bounds)
    return _Found(
        capacity_rps=engine.capacity,
        ttft_at_rest=engine.ttft_p99(0.0),
        step=simulate(conditions, step, engine),
        day=simulate(conditions, traces.day(bounds), engine),
        held_by=_held_by(engine, step.peak_load, conditions.model),
    )


def _held_by(engine: Engine, load: float, model: ModelSpec) -> int | None:
    """The fewest among which the step's load waits for nothing."""
    for replicas in range(max(1, model.replicas.min), model.replicas.max + 1):
        share = load / replicas * engine.capacity
        if share < engine.capacity and engine.ttft_p99(engine.settled(share)) <= model.slo.ttft_p99_seconds:
            return replicas
    return None


def _forecast(conditions: Conditions, found: _Found) -> ModelForecast:
    model = conditions.model
    return ModelForecast(
        model=model.name,
        pool=model.pool,
        machine=conditions.machine.name,
        replicas=model.replicas,
        nodes_per_replica=model.nodes_per_replica,
        headroom=model.headroom,
        boot_seconds=conditions.boot_seconds,
        load_seconds=conditions.load_seconds,
        ttft_slo_seconds=model.slo.ttft_p99_seconds,
        capacity_rps=found.capacity_rps,
        ttft_at_rest=found.ttft_at_rest,
        step=found.step,
        day=found.day,
        held_by=found.held_by,
    )
