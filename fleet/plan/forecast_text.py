"""A forecast as lines for a terminal: what came of each trace, and its courses as sparklines."""

from collections.abc import Iterable, Iterator

from elastic_vllm.simulate.forecast.forecast import ModelForecast
from elastic_vllm.simulate.forecast.outcome import Outcome
from fleet.sparkline import sparkline

WIDTH = 64


def render(forecast: Iterable[ModelForecast], width: int = WIDTH) -> str:
    """All models, one after the other."""
    return "\n\n".join("\n".join(_model(model, width)) for model in forecast)


def _model(model: ModelForecast, width: int) -> Iterator[str]:
    yield (
        f"{model.model} on {model.machine}, {model.replicas.min} to {model.replicas.max} replicas of "
        f"{model.capacity_rps:.1f} requests/s each{_spread(model)}"
    )
    yield (
        f"  a new replica answers {model.boot_seconds + model.load_seconds:.0f} s after its node is ordered: "
        f"{model.boot_seconds:.0f} s boot and pull, {model.load_seconds:.0f} s load{_warm(model)}"
    )
    if model.ttft_unloaded > model.ttft_slo_seconds:
        yield (
            f"  a lone request already waits {model.ttft_unloaded:.2f} s (P99) for its first token: the SLO "
            f"of {model.ttft_slo_seconds:g} s cannot be held on this machine"
        )
    for metric in model.step.unknown_metrics:
        yield f"  {metric} is not simulated: taken as unreadable, so it never adds a replica"
    yield from _trace(model.step, model, width)
    yield f"    {_rise(model.step)}{_held(model)}"
    yield from _trace(model.day, model, width)


def _spread(model: ModelForecast) -> str:
    return f", on {model.nodes_per_replica} nodes each" if model.nodes_per_replica > 1 else ""


def _warm(model: ModelForecast) -> str:
    if not model.headroom:
        return ""
    return f"; on a warm place ({model.headroom} kept) after {model.load_seconds:.0f} s"


def _trace(outcome: Outcome, model: ModelForecast, width: int) -> Iterator[str]:
    loads = [moment.load for moment in outcome.moments]
    ready = [float(moment.ready) for moment in outcome.moments]
    top = max(outcome.peak_load, float(outcome.most_ready), 1.0)
    yield f"  {outcome.trace}: {outcome.description}"
    yield f"    load      {sparkline(loads, width, top)}  peak {outcome.peak_load:.3g} replicas' worth"
    yield f"    replicas  {sparkline(ready, width, top)}  {_course(outcome)}"
    lost = f"{outcome.slo_lost_minutes:.0f} of {outcome.seconds / 60:.0f} minutes"
    refused = f", {100 * outcome.refused_share:.2g} % of requests refused" if outcome.refused_share else ""
    cost = "no price" if outcome.usd is None else f"{outcome.usd:.2f} USD"
    yield (
        f"    first token later than {model.ttft_slo_seconds:g} s in {lost}{refused}; "
        f"{outcome.gpu_hours:.1f} GPU hours, {cost}"
    )


def _held(model: ModelForecast) -> str:
    """What the step would take, where it loses the SLO and anything would hold it."""
    if not model.step.slo_lost_minutes or model.replicas_to_hold is None:
        return ""
    return f"; {model.replicas_to_hold} that are always there would hold the step"


def _course(outcome: Outcome) -> str:
    return f"{outcome.moments[0].ready} → {outcome.most_ready} → {outcome.moments[-1].ready}"


def _rise(outcome: Outcome) -> str:
    """When replicas came after the load rose; of many steps the first three and the last."""
    came = [(one.replicas, outcome.ready_after(one.replicas)) for one in outcome.reached]
    highest = {round(after): replicas for replicas, after in came if after}  # of those that came together
    told = [f"{replicas} after {after} s" for after, replicas in highest.items()]
    if len(told) > 5:
        told[3:-1] = ["…"]
    return f"replicas ready: {', '.join(told)}" if told else "no replica was added"
