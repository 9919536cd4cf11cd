"""What a forecast may never do, and what it has to tell."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic_vllm.simulate.forecast import Conditions, Outcome, forecast, traces
from elastic_vllm.simulate.timeline import ScaleChange
from elastic_vllm.spec import ReplicasSpec
from elastic_vllm.stack_file import config as stack_config
from fleet.drill import rate
from fleet.plan.forecast_view import render
from tests import forecasts
from tests.manifests import Golden

ROOT = Path(__file__).parents[2]
STEP = ((60.0, 0.0), (1200.0, 3.0), (900.0, 0.0))


def committed(name: str) -> stack_config.StackConfig:
    return stack_config.parse(stack_config.read_stack_file(ROOT / "stacks" / f"Pulumi.{name}.yaml"))


STEPS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Pods", "Percent"]),
        "value": st.integers(1, 200),
        "periodSeconds": st.sampled_from([15, 30, 60, 90]),
    }
)
BEHAVIORS = st.fixed_dictionaries(
    {
        "stabilizationWindowSeconds": st.sampled_from([0, 30, 120, 300]),
        "selectPolicy": st.sampled_from(["Max", "Min"]),
        "policies": st.lists(STEPS, min_size=1, max_size=2),
    }
)
PHASES = st.lists(st.tuples(st.integers(10, 600), st.floats(0, 8)), min_size=1, max_size=5)


@settings(max_examples=40)
@given(
    scaling=st.fixed_dictionaries({"scaleUp": BEHAVIORS, "scaleDown": BEHAVIORS}),
    least=st.integers(1, 3),
    room=st.integers(1, 6),
    nodes=st.integers(1, 8),
    headroom=st.sampled_from([0, 0, 2]),
    phases=PHASES,
)
def test_no_forecast_leaves_its_bounds_or_beats_its_policy(
    *,
    scaling: dict[str, object],
    least: int,
    room: int,
    nodes: int,
    headroom: int,
    phases: list[tuple[float, float]],
) -> None:
    bounds = {"min": least, "max": least + room}
    nodes = max(nodes, least + headroom)
    model = {"replicas": bounds, "scaling": scaling, "headroom": headroom}
    config = forecasts.stack(model, {"maxNodes": max(nodes, least)})
    outcome = forecasts.outcome(config, *phases)
    for moment in outcome.moments:
        assert least <= moment.wanted <= least + room
        assert moment.ready <= least + room
        assert moment.nodes <= max(nodes, least)
    spec = config.models[0].scaling.scale_up
    changes = [ScaleChange(t=one.t, before=one.before, after=one.after) for one in outcome.changes]
    assert all(rise.excess <= 0 for rise in rate.rises(changes, spec, least))
    hours = outcome.seconds / 3600
    assert (least + headroom) * hours - 1e-9 <= outcome.registered_gpu_hours <= outcome.gpu_hours
    assert outcome.gpu_hours <= max(nodes, least) * hours + 1e-9
    assert 0 <= outcome.slo_breach_minutes <= outcome.seconds / 60 + 1e-9
    assert 0 <= outcome.refused_share <= 1


def test_no_replica_is_ready_before_its_node_booted_and_its_model_loaded() -> None:
    config = forecasts.stack()
    conditions = Conditions.of(config, config.models[0])
    outcome = forecasts.outcome(config, *STEP)
    asked = {
        k: change.t
        for change in reversed(outcome.changes)
        for k in range(change.before + 1, change.after + 1)
    }
    came = [one for one in outcome.reached if one.replicas > 1]
    assert came
    for one in came:
        waited = one.t - asked[one.replicas]
        assert 0 <= waited - conditions.boot_seconds - conditions.load_seconds < 6


def test_a_node_that_is_there_already_saves_the_boot() -> None:
    config = forecasts.stack(pool={"minNodes": 2})
    conditions = Conditions.of(config, config.models[0])
    outcome = forecasts.outcome(config, *STEP)
    second = next(one.t for one in outcome.reached if one.replicas == 2)
    assert second - outcome.changes[0].t == pytest.approx(conditions.load_seconds, abs=2)


def test_a_drill_comes_to_rest_on_one_replica_and_one_node() -> None:
    outcome = forecasts.outcome(forecasts.stack(), *STEP[:2], (1800.0, 0.0))
    assert (outcome.most_ready, outcome.most_nodes) == (6, 6)
    last = outcome.moments[-1]
    assert (last.wanted, last.ready, last.nodes) == (1, 1, 1)


def test_a_cpu_target_that_cannot_fire_adds_no_replica_and_loses_the_slo() -> None:
    config = forecasts.stack({"resources": {"cpu": 3, "memoryGib": 12, "shmGib": 2}})
    outcome = forecasts.outcome(config, *STEP)
    assert outcome.changes == ()
    assert outcome.slo_breach_minutes > 19


def test_a_metric_of_vllm_that_the_forecast_knows_scales_and_one_that_it_does_not_never_does() -> None:
    def waiting(name: str) -> Outcome:
        metric = {"type": "Pods", "name": name, "target": {"averageValue": "4"}}
        return forecasts.outcome(forecasts.stack({"scaling": {"metrics": [metric]}}), *STEP)

    assert waiting("vllm:num_requests_waiting").most_ready > 1
    assert waiting("vllm:num_requests_waiting").unknown_metrics == ()
    assert waiting("requests_in_dreams").changes == ()
    assert waiting("requests_in_dreams").unknown_metrics == ("requests_in_dreams",)


def test_a_replica_that_drains_keeps_its_node_until_its_removal_has_propagated() -> None:
    def until_given_back(propagation: int) -> float:
        model = {"drain": {"propagationSeconds": propagation, "finishSeconds": 60}}
        outcome = forecasts.outcome(forecasts.stack(model), *STEP[:2], (1800.0, 0.0))
        rush = max(moment.t for moment in outcome.moments if moment.nodes == outcome.most_nodes)
        down = next(change.t for change in outcome.changes if change.after < change.before)
        return rush - down

    assert until_given_back(105) - until_given_back(5) == pytest.approx(100, abs=15)


def test_equal_bounds_mean_no_autoscaler() -> None:
    outcome = forecasts.outcome(forecasts.stack({"replicas": {"min": 2, "max": 2}}), *STEP)
    assert outcome.changes == ()
    assert {moment.ready for moment in outcome.moments} == {2}


def test_a_bounded_queue_refuses_what_an_unbounded_one_keeps() -> None:
    engine = {"maxModelLen": 16384, "maxNumSeqs": 32, "maxQueuedRequests": 8}
    assert forecasts.outcome(forecasts.stack({"engine": engine}), *STEP).refused_share > 0.1
    assert forecasts.outcome(forecasts.stack(), *STEP).refused_share == 0


def test_nodes_are_paid_from_their_order_and_spot_ones_at_their_price() -> None:
    config = forecasts.stack()
    outcome = forecasts.outcome(config, *STEP)
    price = Conditions.of(config, config.models[0]).machine.usd_per_hour
    assert price is not None
    assert outcome.gpu_hours > outcome.registered_gpu_hours
    assert outcome.usd == pytest.approx(outcome.gpu_hours * price)
    spot = forecasts.outcome(forecasts.stack(pool={"capacity": "spot"}), *STEP)
    assert spot.usd == pytest.approx(outcome.gpu_hours * price * 0.5)


def test_headroom_holds_a_step_that_one_replica_loses() -> None:
    # An L40S, whose first token comes in time as long as nobody waits.
    def stack(least: int) -> stack_config.StackConfig:
        model = {"engine": {"maxNumSeqs": 64}, "replicas": {"min": least, "max": 8}}
        return forecasts.stack(model, {"accelerator": "l40s", "maxNodes": 8})

    def lost(least: int) -> float:
        return forecasts.outcome(stack(least), (60.0, 0.02), (1200.0, 3.0)).slo_breach_minutes

    (model,) = forecast(stack(1))
    assert model.replicas_to_hold is not None
    assert lost(1) > lost(model.replicas_to_hold - 1) > 0
    assert lost(model.replicas_to_hold) == 0


def test_where_a_lone_request_is_late_no_headroom_holds_the_slo() -> None:
    made = forecast(forecasts.stack())  # an A10G takes 0.9 s for several images
    (model,) = made
    assert model.ttft_unloaded > model.ttft_slo_seconds
    assert model.replicas_to_hold is None
    assert "Unloaded TTFT P99 is 0.89 s: the 0.5 s SLO cannot be met on g5.xlarge" in render(made)


@pytest.mark.parametrize("bounds", [(0, 3), (1, 4), (3, 20), (2, 2), (1, 1000)])
def test_every_trace_needs_less_than_the_most_replicas(bounds: tuple[int, int]) -> None:
    replicas = ReplicasSpec(min=bounds[0], max=bounds[1])
    for trace in (traces.step(replicas), traces.day(replicas)):
        assert 0 < trace.peak_load <= replicas.max
    assert traces.day(replicas).duration_seconds == pytest.approx(86_400)


def test_models_that_differ_in_their_names_alone_have_the_same_forecast() -> None:
    one, *_ = forecasts.stack().models
    both = forecasts.stack().model_copy(update={"models": (one, one.model_copy(update={"name": "again"}))})
    first, second = forecast(both)
    assert (first.model, second.model) == ("chat", "again")
    assert first.step is second.step


@pytest.mark.parametrize("name", ["local", "aws-prod", "gcp-dev"])
def test_the_forecast_of_a_committed_stack_reads_and_is_the_same_in_every_process(
    golden: Golden, name: str
) -> None:
    golden(f"forecast-{name}.txt", render(forecast(committed(name))) + "\n")
