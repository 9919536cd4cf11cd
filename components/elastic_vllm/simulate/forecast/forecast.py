"""The forecast of each model of a stack: the entry point of this package.

Engines and outcomes are kept: the rules, the plan and its report ask for the same ones.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, Literal, TypeVar

from elastic_vllm.json_names import JsonNames
from elastic_vllm.simulate.forecast import traces
from elastic_vllm.simulate.forecast.conditions import Conditions
from elastic_vllm.simulate.forecast.mean_replica import MeanReplica
from elastic_vllm.simulate.forecast.outcome import Outcome
from elastic_vllm.simulate.forecast.simulation import simulate
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.spec import ReplicasSpec
from elastic_vllm.spec.stack import StackConfig

_KEPT = 64
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class ModelForecast(JsonNames):
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
    ttft_unloaded: float
    """P99 of the time to first token of a request that is alone on its replica, in seconds."""
    step: Outcome
    day: Outcome
    replicas_to_hold: int | None
    """The fewest ready replicas that hold the SLO through the step; None if all would not."""


def forecast(config: StackConfig) -> tuple[ModelForecast, ...]:
    """Each model alone on its pool, in the catalogue's own time. Always the same for the same stack."""
    return tuple(_forecast(Conditions.of(config, model)) for model in config.models)


def engine_of(conditions: Conditions) -> MeanReplica:
    """The engine of one replica, which bounds and policies do not change."""
    load = conditions.load_model(traces.MIX)
    return _engine(_Same(repr(load), load))


def step_outcome(conditions: Conditions) -> Outcome:
    """The model under the step that every forecast shows."""
    return _outcome(_Same(conditions.unnamed(), conditions), "step")


def replicas_to_hold(conditions: Conditions) -> int | None:
    """The fewest replicas at which the step's load keeps TTFT P99 within the SLO; None if max does not."""
    engine, model = engine_of(conditions), conditions.model
    rps = traces.step(model.replicas).peak_load * engine.capacity
    for replicas in range(max(1, model.replicas.min), model.replicas.max + 1):
        share = rps / replicas
        if share < engine.capacity and engine.ttft_p99(engine.settled(share)) <= model.slo.ttft_p99_seconds:
            return replicas
    return None


@dataclass(frozen=True)
class _Same(Generic[_T]):
    """A value for a cache that equals others with the same text."""

    text: str
    value: _T = field(compare=False)


@lru_cache(maxsize=_KEPT)
def _engine(of: _Same[LoadModel]) -> MeanReplica:
    return MeanReplica.of(of.value)


@lru_cache(maxsize=_KEPT)
def _outcome(of: _Same[Conditions], trace: Literal["step", "day"]) -> Outcome:
    bounds = of.value.model.replicas
    course = traces.step(bounds) if trace == "step" else traces.day(bounds)
    return simulate(of.value, course, engine_of(of.value))


def _forecast(conditions: Conditions) -> ModelForecast:
    model, engine = conditions.model, engine_of(conditions)
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
        capacity_rps=engine.capacity,
        ttft_unloaded=engine.ttft_p99(0.0),
        step=step_outcome(conditions),
        day=_outcome(_Same(conditions.unnamed(), conditions), "day"),
        replicas_to_hold=replicas_to_hold(conditions),
    )
