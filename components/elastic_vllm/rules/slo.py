"""Can the TTFT SLO be held at all, and through a step of load? The forecast's own engine decides."""

from collections.abc import Iterator

from elastic_vllm.estimate.placement import Placed
from elastic_vllm.rules.view import View
from elastic_vllm.simulate.forecast import Conditions, engine_of, replicas_to_hold, step_outcome, traces
from elastic_vllm.spec.finding import Finding, kind

UNREACHABLE = kind("slo-unreachable")
BREACH = kind("slo-breach-on-step")


def slo_can_be_held(view: View) -> Iterator[Finding]:
    """Judged where vLLM starts at all. What cannot be held is not reported a second time as a breach."""
    for placement, fit in view.fits:
        if placement.replicas_per_node and fit.fits:
            yield from _of_model(view, placement)


def _of_model(view: View, placement: Placed) -> Iterator[Finding]:
    model, conditions = placement.model, Conditions.at(view.config, placement)
    slo, unloaded = model.slo.ttft_p99_seconds, engine_of(conditions).ttft_p99(0.0)
    peak, enough = traces.step(model.replicas).peak_load, replicas_to_hold(conditions)
    key = f"{placement.key}.slo.ttftP99Seconds"
    if unloaded > slo:
        yield UNREACHABLE.at(
            key,
            f"Unloaded TTFT P99 is {unloaded:.2f} s: the {slo:g} s SLO cannot be met on "
            f"{conditions.machine.name}; raise the SLO, or take a faster accelerator or a smaller checkpoint",
            model.name,
        )
    elif enough is None:
        yield UNREACHABLE.at(
            key,
            f"at {peak:.3g} times the load that one replica sustains, TTFT P99 stays above the {slo:g} s SLO "
            f"with all replicas (replicas.max: {model.replicas.max}); raise the SLO or replicas.max",
            model.name,
        )
    elif model.replicas.min <= 1 < model.replicas.max:
        yield from _breach(view, placement, conditions, enough)


def _breach(view: View, placement: Placed, conditions: Conditions, enough: int) -> Iterator[Finding]:
    """With a single replica, nothing absorbs a step while the HPA reacts."""
    model, step = placement.model, step_outcome(conditions)
    if not step.slo_breach_minutes:
        return
    boot = "" if model.headroom else f"{conditions.boot_seconds:.0f} s node and image, "
    yield BREACH.at(
        f"{placement.key}.replicas.min",
        f"a step to {step.peak_load:.3g} times the load that one replica sustains breaches the "
        f"{model.slo.ttft_p99_seconds:g} s TTFT SLO for {step.slo_breach_minutes:.0f} of "
        f"{step.seconds / 60:.0f} min (a new replica: {boot}{conditions.load_seconds:.0f} s load); "
        f"replicas.min: {enough} would hold it",
        model.name,
        lower=not view.production,
    )
