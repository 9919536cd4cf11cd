"""The forecast in the words of the plan: each trace's figures, and its courses as lines of text."""

from collections.abc import Sequence
from pathlib import Path

from elastic_vllm.simulate.forecast import ModelForecast, Outcome, forecast
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.stack_file.config import parse, read_stack_file
from fleet.plan.checkout import stack_file
from fleet.plan.outlook import Forecast, Reached, Trace
from fleet.sparkline import sparkline

_WIDTH = 48
_TOLD = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
"""Replica counts whose time is told, besides the last one."""


def foresee(config: StackConfig) -> tuple[Forecast, ...]:
    """Every model of the stack."""
    models = forecast(config)
    told: dict[int, Trace] = {}  # models that differ in their names alone share their outcomes
    for outcome in (outcome for found in models for outcome in (found.step, found.day)):
        if id(outcome) not in told:
            told[id(outcome)] = _trace(outcome)
    return tuple(_model(found, told[id(found.step)], told[id(found.day)]) for found in models)


def write_report(root: Path, stack: str, folder: Path) -> Path:
    """The forecast of a stack that can be planned, as a page and a picture of each model; the page's path."""
    from fleet.plan import forecast_report as report  # noqa: PLC0415  (matplotlib, which nobody else needs)

    return report.write(forecast(parse(read_stack_file(stack_file(root, stack)))), folder, stack)


def _model(found: ModelForecast, step: Trace, day: Trace) -> Forecast:
    return Forecast(
        model=found.model,
        nodes_per_replica=found.nodes_per_replica,
        headroom=found.headroom,
        boot_seconds=found.boot_seconds,
        load_seconds=found.load_seconds,
        capacity_rps=found.capacity_rps,
        ttft_slo_seconds=found.ttft_slo_seconds,
        ttft_at_rest=found.ttft_unloaded,
        step=step,
        day=day,
    )


def _trace(outcome: Outcome) -> Trace:
    top = max(outcome.peak_load, float(outcome.most_ready), 1.0)
    return Trace(
        trace=outcome.trace,
        description=outcome.description,
        minutes=outcome.seconds / 60,
        peak_load=outcome.peak_load,
        load_curve=sparkline([moment.load for moment in outcome.moments], _WIDTH, top),
        replicas_curve=sparkline([float(moment.ready) for moment in outcome.moments], _WIDTH, top),
        replicas_first=outcome.moments[0].ready,
        replicas_most=outcome.most_ready,
        replicas_last=outcome.moments[-1].ready,
        reached=_reached(outcome),
        slo_lost_minutes=outcome.slo_lost_minutes,
        refused_share=outcome.refused_share,
        gpu_hours=outcome.gpu_hours,
        usd=outcome.usd,
        unknown_metrics=outcome.unknown_metrics,
    )


def _reached(outcome: Outcome) -> tuple[Reached, ...]:
    """When replicas answered that were not there at the start: the doublings, and all of them."""
    new = [one.replicas for one in outcome.reached if one.replicas > outcome.moments[0].ready]
    told: Sequence[int] = [count for count in new if count in _TOLD or count == new[-1]]
    times = [(count, outcome.ready_after(count)) for count in told]
    return tuple(Reached(replicas=count, seconds=after) for count, after in times if after is not None)
