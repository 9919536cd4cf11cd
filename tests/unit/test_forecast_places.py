"""Replicas of several nodes, and places kept warm: what they wait for, hold and give back."""

import pytest

from elastic_vllm.simulate.forecast import Conditions, forecast
from elastic_vllm.simulate.forecast.places import Places
from elastic_vllm.simulate.forecast.pool import Pool
from elastic_vllm.simulate.forecast.replicas import Replica
from elastic_vllm.stack_file.config import StackConfig
from fleet.plan.forecast_view import render
from tests import forecasts

STEP = ((60.0, 0.0), (1200.0, 3.0), (900.0, 0.0))
GROUP = {
    "checkpoint": "Qwen/Qwen3-VL-8B-Instruct",
    "gpusPerReplica": 2,
    "nodesPerReplica": 2,
    "engine": {"maxModelLen": 8192, "maxNumSeqs": 32},
    "resources": {"cpu": 3, "memoryGib": 10, "shmGib": 2},
    "replicas": {"min": 1, "max": 4},
    "scaling": {"scaleUp": forecasts.FAST_UP, "scaleDown": forecasts.FAST_DOWN},
}


def groups() -> StackConfig:
    return forecasts.stack(GROUP, {"maxNodes": 8})


def warm(headroom: int = 1, most: int = 6, **model: object) -> StackConfig:
    return forecasts.stack({"headroom": headroom, **model}, {"maxNodes": most})


def load_seconds(config: StackConfig) -> float:
    return Conditions.of(config, config.models[0]).load_seconds


def test_a_group_has_as_many_nodes_as_it_declares_from_the_first_to_the_last() -> None:
    outcome = forecasts.outcome(groups(), *STEP)
    assert outcome.most_ready == 4
    assert outcome.most_nodes == 8
    assert (outcome.moments[0].ready, outcome.moments[0].nodes) == (1, 2)
    last = outcome.moments[-1]
    assert (last.wanted, last.ready, last.nodes) == (1, 1, 2)


def test_every_node_of_a_group_is_paid() -> None:
    outcome = forecasts.outcome(groups(), (3600.0, 0.0))
    price = Conditions.of(groups(), groups().models[0]).usd_per_node_hour
    assert price is not None
    assert outcome.gpu_hours == pytest.approx(2)
    assert outcome.usd == pytest.approx(2 * price)


def test_a_group_answers_once_its_nodes_have_booted_and_it_has_loaded() -> None:
    conditions = Conditions.of(groups(), groups().models[0])
    outcome = forecasts.outcome(groups(), *STEP)
    change = outcome.changes[0]
    came = next(one.t for one in outcome.reached if one.replicas > 1)
    assert 0 <= came - change.t - conditions.boot_seconds - conditions.load_seconds < 6


def test_a_group_begins_only_when_its_last_node_is_there() -> None:
    places = Places(Pool(slots=1, least=1, most=4), parts=2, headroom=0)
    group = Replica("expert-0", 0.0, 1000)
    places.seat(group)
    assert (len(group.nodes), places.is_placed(group), places.missing([group])) == (1, False, 1)
    (node,) = places.pool.order(1, 0.0)
    places.pool.register(node)
    places.seat(group)
    assert places.is_placed(group)
    assert places.missing([group]) == 0


def test_a_group_that_goes_gives_back_all_its_nodes() -> None:
    places = Places(Pool(slots=1, least=2, most=4), parts=2, headroom=0)
    group = Replica("expert-0", 0.0, 1000)
    places.seat(group)
    places.leave(group, 9.0)
    assert [node.empty_since for node in places.pool.nodes] == [9.0, 9.0]


def test_the_other_nodes_of_a_group_are_held_until_they_would_have_let_a_drain_finish() -> None:
    def until_given_back(finish: int) -> float:
        model = {**GROUP, "drain": {"finishSeconds": finish}}
        config = forecasts.stack(model, {"maxNodes": 8})
        moments = forecasts.outcome(config, *STEP[:2], (3600.0, 0.0)).moments
        return next(moment.t for moment in moments if moment.t > 1260 and moment.nodes == 2)

    assert until_given_back(600) - until_given_back(60) == pytest.approx(540, abs=15)


def test_a_group_that_is_wanted_again_waits_until_the_one_of_its_number_is_gone() -> None:
    up_and_down = {**GROUP, "replicas": {"min": 1, "max": 2}, "drain": {"propagationSeconds": 120}}
    config = forecasts.stack(up_and_down, {"maxNodes": 8})
    outcome = forecasts.outcome(config, (60.0, 0.0), (700.0, 1.5), (40.0, 0.0), (700.0, 1.5))
    assert outcome.most_nodes == 4
    assert [change.after for change in outcome.changes][:3] == [2, 1, 2]


def test_a_place_kept_warm_saves_the_next_replica_the_boot_and_no_other() -> None:
    config = warm(scaling={"scaleUp": forecasts.FAST_UP})
    conditions = Conditions.of(config, config.models[0])
    outcome = forecasts.outcome(config, *STEP)
    first = outcome.changes[0].t
    came = {one.replicas: one.t - first for one in outcome.reached}
    assert came[2] == pytest.approx(conditions.load_seconds, abs=3)
    assert came[3] >= conditions.boot_seconds + conditions.load_seconds


def test_placeholders_hold_their_nodes_before_and_after_a_rush_and_none_at_the_pools_limit() -> None:
    outcome = forecasts.outcome(warm(2, most=5), *STEP[:2], (1800.0, 0.0))
    assert outcome.moments[0].nodes == 1 + 2
    assert outcome.most_nodes == 5
    assert outcome.most_ready == 5
    last = outcome.moments[-1]
    assert (last.ready, last.nodes) == (1, 1 + 2)
    assert outcome.moments[0].ready == 1  # a placeholder answers nothing


def test_a_placeholder_that_yielded_brings_the_node_for_the_next() -> None:
    config = warm(replicas={"min": 1, "max": 2})
    outcome = forecasts.outcome(config, (60.0, 0.0), (1200.0, 1.5))
    assert outcome.most_ready == 2
    assert outcome.most_nodes == 3


def test_a_replica_takes_a_free_place_before_a_warm_one() -> None:
    places = Places(Pool(slots=1, least=2, most=4), parts=1, headroom=1)
    places.warm_up()
    first, second, third = (Replica(name, 0.0, 1000) for name in ("first", "second", "third"))
    assert places.seat(first) is False
    assert places.seat(second) is True
    assert places.seat(third) is False
    assert not places.is_placed(third)
    assert places.missing([first, second, third]) == 1 + 1


def test_the_forecast_says_what_a_replica_holds_and_what_is_kept_warm() -> None:
    assert "per replica on 2 nodes" in render(forecast(groups()))
    assert f"{load_seconds(warm()):.0f} s on warm headroom (1 kept)" in render(forecast(warm()))
