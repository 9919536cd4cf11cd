"""Traffic: the same seed gives the same requests, and they come at the rate that the scenario asks for."""

import math
from itertools import pairwise

import pytest

from elastic_vllm.simulate import scenario, traffic
from elastic_vllm.simulate.scenario import Scenario
from tests.drill_load import real

LOAD = real(maxNumSeqs=32)


def play(*phases: tuple[float, object], seed: int = 1) -> Scenario:
    listed = [{"name": "phase", "seconds": seconds, "load": load} for seconds, load in phases]
    raw = {
        "name": "test",
        "description": "Of the tests.",
        "seed": seed,
        "mix": dict(LOAD.mix),
        "phases": listed,
    }
    return scenario.parse(raw, "test.yaml")


def test_the_same_seed_gives_the_same_requests() -> None:
    demo = scenario.load("ramp-peak-trough")
    first, second = traffic.arrivals(demo, LOAD), traffic.arrivals(demo, real(maxNumSeqs=32))
    assert len(first) > 1000
    assert first == second


def test_another_seed_gives_others_whether_the_scenarios_or_given() -> None:
    one, two = play((60, 2), seed=1), play((60, 2), seed=2)
    first, second = traffic.arrivals(one, LOAD), traffic.arrivals(two, LOAD)
    assert first != second
    assert traffic.arrivals(one, LOAD, 2) == second


def test_a_seed_decides_moments_and_shapes_alike() -> None:
    one, two = (traffic.arrivals(play((60, 2)), LOAD, seed) for seed in (1, 2))
    assert [request.t for request in one[:5]] != [request.t for request in two[:5]]
    assert [request[2:] for request in one[:5]] != [request[2:] for request in two[:5]]


def test_the_expected_rate_is_the_load_in_capacities() -> None:
    ramp = play((100, {"from": 0, "to": 4}))
    assert traffic.rate(ramp, LOAD, 50) == pytest.approx(2 * LOAD.capacity_rps)
    assert traffic.rate(ramp, LOAD, 100) == 0


@pytest.mark.parametrize("seed", range(4))
def test_as_many_come_in_each_stretch_as_its_load_says(seed: int) -> None:
    phases = play((200, 1), (200, {"from": 1, "to": 5}), (200, 5), (200, 0.02), seed=seed)
    moments = [request.t for request in traffic.arrivals(phases, LOAD)]
    for begin, end, load in ((0, 200, 1), (200, 300, 2), (300, 400, 4), (400, 600, 5), (600, 800, 0.02)):
        expected = (end - begin) * load * LOAD.capacity_rps
        found = sum(begin <= t < end for t in moments)
        assert abs(found - expected) < 4.5 * math.sqrt(expected), (begin, found, expected)


def test_gaps_are_those_of_a_poisson_process() -> None:
    moments = [request.t for request in traffic.arrivals(play((1000, 3)), LOAD)]
    gaps = [after - before for before, after in pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert spread / mean == pytest.approx(1, abs=0.06)


def test_requests_come_in_order_numbered_and_in_time() -> None:
    requests = traffic.arrivals(play((30, 4)), LOAD)
    assert [request.id for request in requests] == list(range(len(requests)))
    assert [request.t for request in requests] == sorted(request.t for request in requests)
    assert 0 < requests[0].t < requests[-1].t < 30


def test_no_load_is_no_request() -> None:
    assert traffic.arrivals(play((1000, 0)), LOAD) == []
