"""A simulated replica of several engines: what its API server decides, and what its engines do alone."""

from dataclasses import replace

import pytest

from elastic_vllm.estimate.step_time import StepTime
from elastic_vllm.simulate.engines import Engines, replica_of
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.replica import Replica
from tests.drill_load import MIX, plain, request, spec

DENSE, MIXTURE = "8B-Instruct-FP8", "235B-A22B-Instruct-FP8"


def pair(**limits: int) -> Engines:
    return Engines("pair", replace(plain(**limits), engines=2))


def load(checkpoint: str, gpus: int, engines: int) -> LoadModel:
    return LoadModel.for_model(spec(checkpoint, gpus, engines=engines), "h100", MIX)


def test_a_model_of_one_engine_is_simulated_as_one() -> None:
    assert isinstance(replica_of("one", plain()), Replica)
    assert isinstance(replica_of("pair", replace(plain(), engines=2)), Engines)


def test_two_requests_run_side_by_side_and_neither_takes_the_others_time() -> None:
    alone, both = Replica("alone", plain()), pair()
    for replica in (alone, both):
        assert replica.offer(request(0, prompt=50), 0)
        assert replica.offer(request(1, prompt=50), 0)
        replica.step(10)
    first = {token.request: token.t for token in both.take()[0]}
    assert first == {0: pytest.approx(0.5), 1: pytest.approx(0.5)}
    assert max(token.t for token in alone.take()[0]) > 0.9


def test_a_request_goes_to_the_engine_that_has_least_to_do() -> None:
    replica = pair()
    for id_ in range(8):
        assert replica.offer(request(id_, answer=100), 0)
    replica.step(1)
    assert (replica.running, replica.waiting) == (8, 0)  # four seats each
    assert replica.offer(request(8), 1)
    replica.step(2)
    assert (replica.running, replica.waiting, replica.in_flight) == (8, 1, 9)


def test_what_may_be_in_flight_is_counted_over_all_engines() -> None:
    replica = pair(seats=2, queue=3)
    taken = [replica.offer(request(id_), 0) for id_ in range(9)]
    assert taken == [True] * 7 + [False] * 2


def test_a_drain_waits_for_the_slowest_engine_and_cuts_on_all() -> None:
    replica = pair()
    replica.offer(request(0, answer=5), 0)
    replica.offer(request(1, answer=60), 0)
    assert replica.remaining_seconds() == pytest.approx(6.1, rel=0.1)
    replica.drain(0, deadline=2)
    assert not replica.offer(request(2), 1)
    assert replica.expire(1.9) == 0
    assert replica.expire(2) == 1
    assert [one.request for one in replica.take()[1]] == [0]


def test_a_replica_is_as_busy_as_its_engines_on_average() -> None:
    replica = pair()
    replica.offer(request(0, answer=100), 0)
    replica.step(2)
    assert replica.busy() == pytest.approx(0.5)


def test_clients_that_gave_up_are_gone_from_every_engine() -> None:
    replica = pair(seats=1)
    for id_ in range(4):
        replica.offer(request(id_), 0)
    assert replica.give_up(1) == 2
    assert replica.abort() == 2


def test_a_dense_replica_of_engines_does_what_as_many_replicas_do() -> None:
    one, four = load(DENSE, 1, 1), load(DENSE, 4, 4)
    assert four.capacity_rps == pytest.approx(4 * one.capacity_rps)
    assert (four.pace, four.limits) == (one.pace, one.limits)


def test_engines_need_a_core_each_and_their_gpus_another() -> None:
    assert load(DENSE, 4, 2).engine_cores == 2 + 4


def test_engines_of_a_mixture_read_its_experts_together_and_the_rest_each() -> None:
    alone = StepTime.of(spec(MIXTURE, 4), "h100")
    shared = StepTime.of(spec(MIXTURE, 8, engines=2), "h100")
    assert shared.expert_weights == pytest.approx(alone.expert_weights / 2)
    assert shared.shared_weights == alone.shared_weights
    assert (shared.cached_token, shared.token) == (alone.cached_token, alone.token)
    assert shared.step(256, 0, 0, 0) < alone.step(256, 0, 0, 0)
