"""All replicas together: who gets what, how pods come and go, and a ledger that always balances."""

import time
from collections import deque
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic_vllm.simulate import scenario, traffic
from elastic_vllm.simulate.serving import Serving, State
from elastic_vllm.simulate.timeline import Ledger
from tests.drill_load import plain, real, request

READY: Mapping[str, State] = {"a": "ready", "b": "ready", "c": "ready"}


def balanced(ledger: Ledger) -> bool:
    return ledger.sent == ledger.answered + ledger.refused + ledger.aborted + ledger.in_flight


def test_a_request_is_answered_and_counted() -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5)], {"a": "ready"})
    assert serving.ledger == Ledger(sent=1, in_flight=1)
    serving.step(9, [], {"a": "ready"})
    assert serving.ledger == Ledger(sent=1, answered=1)


@pytest.mark.parametrize("pods", [{}, {"a": "leaving"}])
def test_where_nobody_was_ever_ready_requests_are_refused(pods: Mapping[str, State]) -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5), request(1, 0.6)], pods)
    assert serving.ledger == Ledger(sent=2, refused=2)


def test_a_full_queue_refuses() -> None:
    serving = Serving(plain(seats=1, queue=1))
    serving.step(1, [request(number, 0.5, answer=99) for number in range(5)], {"a": "ready"})
    assert serving.ledger == Ledger(sent=5, refused=3, in_flight=2)


def test_the_replica_with_least_in_flight_gets_the_next_request() -> None:
    serving = Serving(plain(seats=99), "least-in-flight")
    serving.step(1, [request(number, 0.5, answer=99) for number in range(30)], READY)
    assert [replica.in_flight for replica in serving._replicas.values()] == [10, 10, 10]


def test_a_new_replica_is_filled_first() -> None:
    serving = Serving(plain(seats=99))
    serving.step(1, [request(number, 0.5, answer=99) for number in range(6)], {"a": "ready"})
    serving.step(2, [request(number, 1.5, answer=99) for number in range(6, 10)], READY)
    assert {name: replica.in_flight for name, replica in serving._replicas.items()} == {
        "a": 6,
        "b": 2,
        "c": 2,
    }


@pytest.mark.parametrize("seed", range(6))
def test_what_ended_since_the_last_step_no_longer_counts_as_in_flight(seed: int) -> None:
    serving = Serving(plain(seats=99), seed=seed)
    pods: Mapping[str, State] = {"a": "ready", "b": "ready"}
    serving.step(0.2, [request(0, 0.1, answer=5), request(1, 0.1, answer=99)], pods)
    serving.step(2, [request(2, 1.5, answer=99)], pods)
    assert [replica.in_flight for replica in serving._replicas.values()] == [1, 1]


def test_random_dispatch_spreads_without_looking() -> None:
    serving = Serving(plain(seats=999), "random")
    serving.step(1, [request(number, 0.5, answer=99) for number in range(300)], READY)
    counts = [replica.in_flight for replica in serving._replicas.values()]
    assert all(70 < count < 130 for count in counts)
    assert len(set(counts)) > 1


def test_a_pod_told_to_go_gets_requests_until_proxies_forget_it() -> None:
    serving = Serving(plain(seats=99), propagation_seconds=1)
    serving.step(1, [], {"a": "ready"})
    serving.step(2, [], {"a": "leaving"})
    serving.step(3, [request(0, 2.9, answer=99)], {"a": "leaving"})
    assert serving.ledger == Ledger(sent=1, in_flight=1)
    serving.step(4, [request(1, 3.1)], {"a": "leaving"})
    assert serving.ledger == Ledger(sent=2, in_flight=1, refused=1)


def test_a_pod_told_to_go_finishes_what_it_has() -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5, answer=80)], {"a": "ready"})
    for now in (2, 4, 6, 8, 9):
        serving.step(now, [], {"a": "leaving"})
    serving.step(10, [], {})
    assert serving.ledger == Ledger(sent=1, answered=1)


def test_a_proxy_slower_than_the_prestop_sleep_sends_into_a_closed_door() -> None:
    serving = Serving(plain(), propagation_seconds=30)  # preStop is 5 s
    serving.step(1, [], {"a": "ready"})
    serving.step(2, [], {"a": "leaving"})
    serving.step(7, [], {"a": "leaving"})
    serving.step(8, [request(0, 7.5)], {"a": "leaving"})
    assert serving.ledger == Ledger(sent=1, refused=1)


def test_what_outlasts_the_drain_is_aborted_at_its_deadline() -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5, answer=800)], {"a": "ready"})  # 80 s
    serving.step(2, [], {"a": "leaving"})  # preStop 5 s, then 10 s
    serving.step(16.9, [], {"a": "leaving"})
    assert serving.ledger == Ledger(sent=1, in_flight=1)
    serving.step(17, [], {"a": "leaving"})
    assert serving.ledger == Ledger(sent=1, aborted=1)


def test_a_pod_that_vanishes_takes_its_requests_with_it() -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5, answer=99), request(1, 0.6, answer=99)], {"a": "ready", "b": "ready"})
    serving.step(2, [], {"b": "ready"})
    assert serving.ledger == Ledger(sent=2, aborted=1, in_flight=1)


def test_what_ended_before_the_pod_vanished_was_answered() -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5, answer=9)], {"a": "ready"})
    serving.step(9, [], {})
    assert serving.ledger == Ledger(sent=1, answered=1)


def test_a_pod_that_comes_again_under_its_name_starts_empty() -> None:
    serving = Serving(plain())
    serving.step(1, [request(0, 0.5, answer=99)], {"a": "ready"})
    serving.step(2, [], {"a": "leaving"})
    serving.step(3, [], {})
    serving.step(9, [request(1, 8.9, answer=99)], {"a": "ready"})
    assert serving.ledger == Ledger(sent=2, aborted=1, in_flight=1)


def test_clients_wait_for_ever_unless_told_otherwise() -> None:
    patient, hasty = Serving(plain(seats=1)), Serving(plain(seats=1), max_wait_seconds=5)
    for serving in (patient, hasty):
        serving.step(1, [request(0, 0.5, answer=99), request(1, 0.6, answer=9)], {"a": "ready"})
        serving.step(6, [], {"a": "ready"})
    assert patient.ledger == Ledger(sent=2, in_flight=2)
    assert hasty.ledger == Ledger(sent=2, in_flight=1, refused=1)


def test_statistics_tell_of_the_last_second_and_the_last_ten() -> None:
    serving = Serving(plain(seats=2))
    assert serving.stats().ttft_p99 is None
    sent = [request(number, 0.1 * number, prompt=10, answer=50) for number in range(1, 5)]
    serving.step(1, sent, {"a": "ready"})
    stats = serving.stats()
    assert (stats.offered_rps, stats.running, stats.waiting) == (4, 2, 2)
    assert stats.ttft_p50 is not None
    assert stats.ttft_p99 is not None
    assert 0.1 < stats.ttft_p50 <= stats.ttft_p99 < 0.3
    assert stats.ledger == serving.ledger
    assert stats.cpu_cores == {"a": pytest.approx(plain(seats=2).cpu_cores(2, 0.9))}
    assert stats.remaining_seconds["a"] > 5
    serving.step(1.25, [], {"a": "ready"})
    assert serving.stats().offered_rps == 2
    serving.step(30, [], {"a": "ready"})
    stats = serving.stats()
    assert (stats.offered_rps, stats.running, stats.ttft_p50) == (0, 0, None)
    assert stats.cpu_cores == {"a": pytest.approx(0.15)}
    assert stats.remaining_seconds == {"a": 0}


def test_quantiles_are_of_the_times_to_first_token() -> None:
    serving = Serving(plain(seats=1, step_tokens=1000))
    # A prompt of n tokens takes n x 0.01 s and each request comes when the last is over.
    sent = [request(number, 0.03 * number, prompt=1, answer=1) for number in range(1, 11)]
    serving.step(9, sent, {"a": "ready"})
    ttfts = sorted(0.1 * number - 0.03 * (number - 1) + 0.005 for number in range(1, 11))
    stats = serving.stats()
    assert stats.ttft_p50 == pytest.approx(ttfts[4])
    assert stats.ttft_p99 == pytest.approx(ttfts[9])


def test_time_does_not_go_back() -> None:
    serving = Serving(plain())
    serving.step(2, [], {})
    with pytest.raises(ValueError, match="time went back from 2 to 1"):
        serving.step(1, [], {})


STATES = st.sampled_from(["ready", "leaving"])
STEPS = st.lists(
    st.tuples(
        st.floats(0, 8, allow_nan=False),
        st.dictionaries(st.sampled_from("abcd"), STATES, max_size=4),
        st.lists(st.tuples(st.floats(0, 1), st.integers(1, 300), st.integers(1, 120)), max_size=12),
    ),
    max_size=30,
)


@settings(max_examples=150)
@given(
    steps=STEPS,
    dispatch=st.sampled_from(["least-in-flight", "random"]),
    patience=st.sampled_from([None, 0.5, 3.0]),
    queue=st.sampled_from([None, 1, 4]),
)
def test_the_ledger_always_balances_and_only_what_is_in_flight_goes_down(
    steps: list[tuple[float, dict[str, State], list[tuple[float, int, int]]]],
    dispatch: scenario.Dispatch,
    patience: float | None,
    queue: int | None,
) -> None:
    serving = Serving(plain(seats=3, kv_tokens=350, queue=queue), dispatch, max_wait_seconds=patience)
    now, number, before = 0.0, 0, Ledger()
    for pause, pods, sent in steps:
        arrivals = []
        for share, prompt, answer in sorted(sent):
            arrivals.append(request(number, now + share * pause, prompt=prompt, answer=answer))
            number += 1
        now += pause
        serving.step(now, arrivals, pods)
        ledger = serving.ledger
        assert balanced(ledger)
        assert ledger.sent == number
        assert min(ledger.answered - before.answered, ledger.refused - before.refused) >= 0
        assert min(ledger.aborted - before.aborted, ledger.in_flight) >= 0
        before = ledger
    serving.step(now + 1, [], {})
    assert serving.ledger.in_flight == 0
    assert balanced(serving.ledger)


def drilled() -> tuple[Ledger, float]:
    """Ten replicas for 300 s at nearly their capacity, as the runner would play them."""
    load = real(maxNumSeqs=32)
    raw = {
        "name": "test",
        "description": "Of the tests.",
        "mix": dict(load.mix),
        "phases": [{"name": "peak", "seconds": 300, "load": 9.5}],
    }
    requests = deque(traffic.arrivals(scenario.parse(raw, "test.yaml"), load))
    pods: Mapping[str, State] = {f"pod-{number}": "ready" for number in range(10)}
    serving, started = Serving(load), time.process_time()
    for tick in range(1, 1501):
        now, due = tick / 5, []
        while requests and requests[0].t <= now:
            due.append(requests.popleft())
        serving.step(now, due, pods)
        if tick % 5 == 0:
            serving.stats()
    return serving.ledger, time.process_time() - started


def test_ten_replicas_for_five_minutes_cost_seconds_of_cpu_and_play_alike() -> None:
    (first, seconds), (second, _) = drilled(), drilled()
    assert first == second
    assert first.sent > 9000
    assert first.refused == first.aborted == 0
    assert seconds < 5
