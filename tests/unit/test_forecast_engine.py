"""The engine and its queues in the mean, against what they stand for."""

import math
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm.simulate.forecast.mean_replica import MeanReplica
from elastic_vllm.simulate.forecast.queues import Queues
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.scenario import Phase, Ramp, Scenario
from elastic_vllm.simulate.serving import Serving
from elastic_vllm.simulate.traffic import arrivals
from tests import drill_load

REAL = drill_load.real(accelerator="l40s", max_num_seqs=64)
ENGINE = MeanReplica.of(REAL)
PAIR = LoadModel.for_model(drill_load.spec(gpus=2, engines=2, max_num_seqs=64), "l40s", drill_load.MIX)


def played(load: LoadModel, share: float, seconds: int = 240, settle: int = 60) -> tuple[float, float]:
    """Requests in flight and cores of one replica whose every request is played, on average."""
    phase = Phase(name="even", seconds=seconds, load=Ramp(from_=share, to=share))
    play = Scenario(name="even", description="One load for long.", mix=dict(drill_load.MIX), phases=(phase,))
    requests, serving = deque(arrivals(play, load)), Serving(load)
    in_flight, cores = [], []
    for second in range(1, seconds + 1):
        due = []
        while requests and requests[0].t <= second:
            due.append(requests.popleft())
        serving.step(float(second), due, {"one": "ready"})
        stats = serving.stats()
        if second > settle:
            in_flight.append(stats.running + stats.waiting)
            cores.append(stats.cpu_cores["one"])
    return sum(in_flight) / len(in_flight), sum(cores) / len(cores)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_engine_in_the_mean_is_as_full_and_as_busy_as_one_that_plays_every_request(share: float) -> None:
    in_flight, cores = played(REAL, share)
    settled = ENGINE.settled(share * REAL.capacity_rps)
    assert settled == pytest.approx(in_flight, rel=0.12)
    assert ENGINE.cores(settled) == pytest.approx(cores, rel=0.06)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_two_engines_in_the_mean_are_as_full_and_as_busy_as_two_that_play_every_request(share: float) -> None:
    in_flight, cores = played(PAIR, share)
    mean = MeanReplica.of(PAIR)
    settled = mean.settled(share * PAIR.capacity_rps)
    assert settled == pytest.approx(in_flight, rel=0.12)
    assert mean.cores(settled) == pytest.approx(cores, rel=0.06)


def test_each_of_two_engines_idles_as_often_as_one_with_half_the_requests() -> None:
    assert MeanReplica.of(PAIR).cores(2.0) == PAIR.cpu_cores(2.0, 1.0 - math.exp(-1.0))


def test_beside_an_fp8_kv_cache_the_first_token_comes_sooner() -> None:
    full, half = (
        MeanReplica.of(drill_load.real(accelerator="l40s", max_num_seqs=64, kv_cache_dtype=dtype))
        for dtype in ("auto", "fp8")
    )
    assert half.capacity > 1.05 * full.capacity
    assert half.ttft_p99(48) < full.ttft_p99(48) - 0.002


def test_two_engines_answer_twice_as_much_and_no_sooner() -> None:
    mean = MeanReplica.of(PAIR)
    assert (mean.seats, mean.capacity) == pytest.approx((2 * ENGINE.seats, 2 * ENGINE.capacity))
    for in_flight in (2.0, 20.0, ENGINE.seats):
        assert mean.rate(2 * in_flight) == pytest.approx(2 * ENGINE.rate(in_flight))
        assert mean.residence(2 * in_flight) == pytest.approx(ENGINE.residence(in_flight))


def test_with_all_seats_taken_it_answers_exactly_what_the_load_model_says() -> None:
    assert ENGINE.rate(ENGINE.seats) == pytest.approx(REAL.capacity_rps)
    assert ENGINE.rate(10 * ENGINE.seats) == pytest.approx(REAL.capacity_rps)


@given(st.floats(0, 200), st.floats(0, 200))
def test_more_in_flight_never_means_fewer_answers_less_cpu_or_an_earlier_first_token(
    one: float, other: float
) -> None:
    less, more = sorted((one, other))
    for figure in (ENGINE.rate, ENGINE.cores, ENGINE.ttft_p99):
        assert figure(less) <= figure(more) + 1e-9


@given(st.floats(0, 0.999))
def test_what_settles_answers_what_arrives(share: float) -> None:
    arrivals_ = share * ENGINE.capacity
    assert ENGINE.rate(ENGINE.settled(arrivals_)) == pytest.approx(arrivals_, abs=1e-9)


STEPS = st.lists(
    st.tuples(st.sampled_from(["go on", "go on", "go on", "add", "leave"]), st.floats(0, 80)), max_size=60
)


@given(STEPS)
def test_requests_are_neither_lost_nor_made_and_no_replica_beats_its_capacity(
    steps: list[tuple[str, float]],
) -> None:
    queues, there, gone = Queues(ENGINE), ["r0"], 0
    queues.add("r0")
    for number, (step, rps) in enumerate(steps, start=1):
        before = queues.in_flight
        if step == "add":
            there.append(f"r{number}")
            queues.add(there[-1])
        elif step == "leave" and there:
            gone += 1
            queues.leave(there.pop())
        if step != "go on":
            assert queues.in_flight == pytest.approx(before)
            continue
        served = queues.advance(1.0, rps)
        answered = before + served.sent - served.refused - queues.in_flight
        assert -1e-6 <= answered <= ENGINE.capacity * (len(there) + gone) + 1e-6


def test_a_new_replica_gets_what_arrives_until_it_has_as_much_as_the_others() -> None:
    queues = Queues(ENGINE)
    queues.add("old")
    for _ in range(60):
        queues.advance(1.0, 2 * ENGINE.capacity)
    waiting = queues.held("old")
    queues.add("new")
    queues.advance(1.0, ENGINE.capacity)
    assert queues.held("old") == pytest.approx(waiting - ENGINE.capacity)
    assert 0 < queues.held("new") < waiting


def test_a_full_queue_refuses_and_holds_no_more_than_it_may() -> None:
    engine = MeanReplica.of(drill_load.real(accelerator="l40s", max_num_seqs=64, max_queued_requests=16))
    queues = Queues(engine)
    queues.add("one")
    refused = sum(queues.advance(1.0, 2 * engine.capacity).refused for _ in range(60))
    assert queues.in_flight == pytest.approx(engine.seats + 16)
    assert refused == pytest.approx(60 * engine.capacity, rel=0.15)


def test_without_a_replica_everything_is_refused() -> None:
    served = Queues(ENGINE).advance(2.0, 5.0)
    assert (served.sent, served.refused, served.ttft_p99) == (10.0, 10.0, None)


def test_a_replica_told_to_go_gets_nothing_new_and_answers_what_it_holds() -> None:
    queues = Queues(ENGINE)
    for name in ("stays", "goes"):
        queues.add(name)
    for _ in range(30):
        queues.advance(1.0, ENGINE.capacity)
    left = queues.leave("goes")
    held = queues.held("goes")
    for _ in range(20):
        queues.advance(1.0, ENGINE.capacity / 2)
    assert queues.held("goes") < 0.1 * held
    assert left < 20
