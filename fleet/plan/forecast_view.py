"""A forecast as lines of text, the same in a terminal, in Markdown and in the report."""

from collections.abc import Iterable, Iterator

from elastic_vllm.simulate.forecast import ModelForecast, Outcome
from fleet.plan.format import counted, usd
from fleet.sparkline import sparkline

WIDTH = 64
_TIMES = 5
"""Ready times that are listed; of more, the first three and the last."""


def render(forecasts: Iterable[ModelForecast], width: int = WIDTH) -> str:
    """All models, one after the other."""
    return "\n\n".join("\n".join([title(item), *lines(item, width)]) for item in forecasts)


def title(item: ModelForecast) -> str:
    """The model, its capacity, and how long a new replica takes to be ready."""
    spread = f" on {item.nodes_per_replica} nodes" if item.nodes_per_replica > 1 else ""
    warm = f"; {item.load_seconds:.0f} s on warm headroom ({item.headroom} kept)" if item.headroom else ""
    start = f"{item.boot_seconds:.0f} s boot and pull, {item.load_seconds:.0f} s load"
    return (
        f"{item.model} on {item.machine}: {item.capacity_rps:.1f} requests/s per replica{spread}; a new "
        f"replica is ready after {item.boot_seconds + item.load_seconds:.0f} s ({start}){warm}"
    )


def lines(item: ModelForecast, width: int = WIDTH) -> Iterator[str]:
    """Limits of the model, then each trace with load and replicas as sparklines."""
    if item.ttft_unloaded > item.ttft_slo_seconds:
        yield (
            f"  Unloaded TTFT P99 is {item.ttft_unloaded:.2f} s: the {item.ttft_slo_seconds:g} s SLO cannot "
            f"be met on {item.machine}"
        )
    for metric in item.step.unknown_metrics:
        yield f"  {metric} is not simulated: it never adds a replica here"
    yield from _trace(item, item.step, width)
    yield f"    {scale_up_times(item.step)}{_enough(item)}"
    yield from _trace(item, item.day, width)


def _trace(item: ModelForecast, trace: Outcome, width: int) -> Iterator[str]:
    loads = [moment.load for moment in trace.moments]
    ready = [float(moment.ready) for moment in trace.moments]
    top = max(trace.peak_load, float(trace.most_ready), 1.0)
    ends = f"{trace.moments[0].ready} → {trace.most_ready} → {trace.moments[-1].ready}"
    yield f"  {trace.trace}: {trace.description}"
    yield f"    load      {sparkline(loads, width, top)}  peak {trace.peak_load:.3g} replicas' worth"
    yield f"    replicas  {sparkline(ready, width, top)}  {ends}"
    refused = f", {100 * trace.refused_share:.2g} % of requests refused" if trace.refused_share else ""
    price = "no price" if trace.usd is None else f"{usd(trace.usd)} USD"
    yield (
        f"    TTFT P99 above the {item.ttft_slo_seconds:g} s SLO for {trace.slo_breach_minutes:.0f} of "
        f"{trace.seconds / 60:.0f} min{refused}; {trace.gpu_hours:.1f} GPU h, {price}"
    )


def scale_up_times(step: Outcome) -> str:
    """When replicas were ready after the load rose; of those that came together the highest count."""
    times = [(one.replicas, step.ready_after(one.replicas)) for one in step.reached]
    highest = {round(after): replicas for replicas, after in times if after}
    listed = [f"{replicas} after {after} s" for after, replicas in highest.items()]
    if len(listed) > _TIMES:
        listed[3:-1] = ["…"]
    return f"replicas ready: {', '.join(listed)}" if listed else "no replica is added"


def _enough(item: ModelForecast) -> str:
    if not item.step.slo_breach_minutes or item.replicas_to_hold is None:
        return ""
    return f"; {counted(item.replicas_to_hold, 'ready replica')} would hold the SLO"
