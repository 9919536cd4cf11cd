"""The simulated engine: continuous batching that can be followed by hand, limits, draining, predictions."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.replica import Finished, Replica
from elastic_vllm.simulate.traffic import Request
from tests.drill_load import FRONTEND, plain, real, request


def finished(replica: Replica, until: float) -> dict[int, Finished]:
    replica.step(until)
    return {one.request: one for one in replica.take()[1]}


def test_a_lone_request_takes_its_prompt_and_a_step_for_each_further_token() -> None:
    replica = Replica("r", plain())
    assert replica.offer(request(prompt=50, answer=11), 0)
    # 50 prompt tokens at 0.01 s, then 10 steps of 0.1 s.
    one = finished(replica, 100)[0]
    assert one.t == pytest.approx(1.5)
    assert one.ttft == pytest.approx(0.5 + FRONTEND)
    assert one.total == pytest.approx(1.5 + FRONTEND)
    assert replica.in_flight == 0


def test_first_tokens_are_told_when_they_come_and_once() -> None:
    replica = Replica("r", plain())
    replica.offer(request(prompt=50, answer=11), 0)
    replica.step(0.49)
    assert replica.take() == ([], [])
    replica.step(0.5)
    first_tokens, done = replica.take()
    assert [(round(one.t, 6), one.request) for one in first_tokens] == [(0.5, 0)]
    assert done == []
    assert replica.take() == ([], [])


def test_an_answer_of_one_token_ends_with_its_prompt() -> None:
    replica = Replica("r", plain())
    replica.offer(request(prompt=20, answer=1), 0)
    assert finished(replica, 1)[0].t == pytest.approx(0.2)


def test_images_are_encoded_with_the_prompt_and_prepared_before() -> None:
    replica = Replica("r", plain())
    replica.offer(request(prompt=20, answer=1, images=2), 0)
    assert finished(replica, 9)[0].ttft == pytest.approx(2 + 0.2 + 0.005 + 2 * 0.03)


def test_what_arrives_during_a_step_waits_for_the_next() -> None:
    replica = Replica("r", plain())
    replica.offer(request(0, prompt=50, answer=2), 0)
    replica.offer(request(1, 0.1, prompt=20, answer=1), 0.1)
    done = finished(replica, 9)
    # The second prompt rides in the step of the first one's second token: 21 tokens.
    assert done[0].t == done[1].t == pytest.approx(0.5 + 0.21)


def test_a_long_prompt_is_chunked_and_the_answers_beside_it_go_on_slower() -> None:
    replica = Replica("r", plain(step_tokens=100))
    replica.offer(request(0, prompt=10, answer=5), 0)
    replica.offer(request(1, 0.05, prompt=198, answer=1), 0.05)
    done = finished(replica, 9)
    # 0.1 s, then two steps of 100 tokens (one of the answer, 99 of the prompt), then two steps of 0.1 s.
    assert done[1].t == pytest.approx(0.1 + 1 + 1)
    assert done[0].t == pytest.approx(0.1 + 1 + 1 + 0.1 + 0.1)


def test_running_answers_come_first_and_prompts_get_the_room_that_is_left() -> None:
    replica = Replica("r", plain(step_tokens=100))
    replica.offer(request(0, prompt=10, answer=2), 0)
    replica.offer(request(1, 0.05, prompt=150, answer=1), 0.05)
    # The second token of the first answer shares its step with 99 tokens, not 100, of the prompt.
    assert finished(replica, 9)[0].t == pytest.approx(0.1 + 1)


def test_no_more_run_than_there_are_seats_and_the_oldest_goes_first() -> None:
    replica = Replica("r", plain(seats=2))
    for number in range(4):
        replica.offer(request(number, prompt=10, answer=10 + number), 0)
    assert (replica.running, replica.waiting, replica.in_flight) == (1, 3, 4)  # the first step began alone
    replica.step(0.5)
    assert (replica.running, replica.waiting) == (2, 2)
    assert list(finished(replica, 99)) == [0, 1, 2, 3]


def test_no_more_run_than_the_kv_cache_holds() -> None:
    replica = Replica("r", plain(seats=9, kv_tokens=50))
    for number in range(3):
        replica.offer(request(number, prompt=10, answer=10), 0)
    replica.step(0.5)
    assert (replica.running, replica.waiting) == (2, 1)
    assert len(finished(replica, 99)) == 3


def test_what_can_never_fit_is_refused() -> None:
    replica = Replica("r", plain(kv_tokens=50))
    assert not replica.offer(request(prompt=41, answer=10), 0)
    assert replica.offer(request(prompt=40, answer=10), 0)


def test_a_full_queue_refuses_until_someone_is_admitted() -> None:
    replica = Replica("r", plain(seats=1, queue=2))
    taken = [replica.offer(request(number, answer=5), 0) for number in range(4)]
    assert taken == [True, True, True, False]
    replica.step(5)
    assert replica.offer(request(9, 5), 5)


def test_clients_that_lose_patience_leave_the_queue_and_nothing_else() -> None:
    replica = Replica("r", plain(seats=1))
    for number, t in enumerate((0, 0.1, 0.2, 0.3)):
        replica.offer(request(number, t, answer=50), t)
    assert replica.give_up(sent_before=0.25) == 2
    assert (replica.running, replica.waiting) == (1, 1)


def test_a_draining_replica_finishes_what_it_has_and_takes_no_more() -> None:
    replica = Replica("r", plain())
    replica.offer(request(0, answer=21), 0)
    replica.drain(1, deadline=10)
    assert not replica.offer(request(1, 1), 1)
    assert replica.expire(5) == 0
    assert [one.request for one in replica.take()[1]] == [0]
    assert replica.expire(10) == 0


def test_what_a_drain_does_not_finish_by_its_deadline_is_aborted() -> None:
    replica = Replica("r", plain())
    replica.offer(request(0, answer=21), 0)  # over at 2.1 s
    replica.offer(request(1, 0, answer=500), 0)
    replica.drain(1, deadline=3)
    assert replica.expire(2.9) == 0
    assert replica.expire(60) == 1
    assert [one.request for one in replica.take()[1]] == [0]
    assert replica.in_flight == 0


def test_a_aborted_replica_does_nothing_more() -> None:
    replica = Replica("r", plain())
    replica.offer(request(0, answer=21), 0)
    assert replica.abort() == 1
    assert finished(replica, 99) == {}
    assert not replica.offer(request(1, 99), 99)
    assert replica.abort() == 0


def test_busy_is_the_share_of_the_last_second() -> None:
    replica = Replica("r", plain())
    assert replica.busy() == 0
    replica.offer(request(prompt=10, answer=15), 0)  # until 1.5 s
    for now, share in ((0.4, 0.4), (1.2, 1.0), (2.0, 0.5), (2.4, 0.1), (3.0, 0.0)):
        replica.step(now)
        assert replica.busy() == pytest.approx(share), now


def test_a_replica_that_appears_late_has_not_been_busy_before() -> None:
    replica = Replica("r", plain())
    replica.offer(request(0, 100), 100)
    replica.step(100.25)
    assert replica.busy() == pytest.approx(0.25)


def test_the_prediction_for_one_answer_is_right() -> None:
    replica = Replica("r", plain())
    assert replica.remaining_seconds() == 0
    replica.offer(request(prompt=10, answer=20), 0)
    replica.step(0.25)
    assert replica.remaining_seconds() == pytest.approx(1.75, abs=0.11)


@pytest.mark.parametrize("now", [0, 1, 2])
def test_the_prediction_counts_the_steps_that_only_chunk_prompts(now: float) -> None:
    replica = Replica("r", plain(step_tokens=11))  # a chunk of 10 and a token take 0.11 s, all else 0.1 s
    replica.offer(request(0, prompt=10, answer=40), 0)
    for number in (1, 2, 3):
        replica.offer(request(number, prompt=90, answer=40), 0)
    replica.step(now)
    predicted = replica.remaining_seconds()
    actual = max(one.t for one in finished(replica, 999).values()) - now
    assert actual <= predicted <= 1.5 * actual


def test_the_prediction_knows_how_many_the_kv_cache_lets_run_together() -> None:
    replica = Replica("r", plain(seats=9, kv_tokens=50))
    for number in range(6):
        replica.offer(request(number, prompt=10, answer=10), 0)
    predicted = replica.remaining_seconds()
    actual = max(one.t for one in finished(replica, 999).values())
    assert 3 < actual <= predicted <= 2 * actual


REQUESTS = st.lists(
    st.tuples(
        st.floats(0, 20, allow_nan=False),
        st.integers(1, 400),
        st.integers(1, 200),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=40,
)
MODELS = st.sampled_from([plain(), plain(seats=2), plain(kv_tokens=1000, step_tokens=16), real(maxNumSeqs=8)])
THOROUGH = settings(max_examples=60)


def played(load: LoadModel, drawn: list[tuple[float, int, int, int]], pauses: list[float]) -> list[Finished]:
    """The answers to these requests when the engine is looked at at these moments, too."""
    replica = Replica("r", load)
    events: list[tuple[float, Request | None]] = [(t, None) for t in pauses]
    ordered = sorted(drawn)
    events += [
        (one[0], request(number, one[0], prompt=one[1], answer=one[2], images=one[3]))
        for number, one in enumerate(ordered)
    ]
    for t, sent in sorted(events, key=lambda event: event[0]):
        if sent is None:
            replica.step(t)
        else:
            assert replica.offer(sent, t)
    replica.step(1e6)
    assert replica.in_flight == 0
    return replica.take()[1]


@THOROUGH
@given(load=MODELS, drawn=REQUESTS, pauses=st.lists(st.floats(0, 60, allow_nan=False), max_size=40))
def test_how_often_one_looks_changes_nothing_and_every_request_is_answered_once(
    load: LoadModel, drawn: list[tuple[float, int, int, int]], pauses: list[float]
) -> None:
    unseen = played(load, drawn, [])
    assert played(load, drawn, pauses) == unseen
    assert sorted(one.request for one in unseen) == list(range(len(drawn)))
    assert all(0 < one.ttft <= one.total for one in unseen)


@THOROUGH
@given(load=MODELS, drawn=REQUESTS, now=st.floats(0, 25, allow_nan=False))
def test_predictions_are_never_short_and_not_wildly_long(
    load: LoadModel, drawn: list[tuple[float, int, int, int]], now: float
) -> None:
    replica = Replica("r", load)
    for number, (t, prompt, answer, images) in enumerate(sorted(drawn)):
        if t <= now:
            replica.offer(request(number, t, prompt=prompt, answer=answer, images=images), t)
    replica.step(now)
    replica.take()
    predicted, before = replica.remaining_seconds(), replica.in_flight
    replica.step(1e6)
    done = replica.take()[1]
    assert len(done) == before
    actual = max((one.t for one in done), default=now) - now
    assert actual <= predicted + 1e-6
    assert predicted <= 4 * actual + 1


def test_nothing_is_left_set_aside_when_all_is_answered() -> None:
    load = real(maxNumSeqs=32)
    rng, replica = random.Random(3), Replica("r", load)
    for number in range(200):
        replica.offer(Request(number, 0, *load.draw(rng)), 0)
    replica.step(1e5)
    assert (replica.in_flight, replica._set_aside, replica._cached) == (0, 0, 0)
