"""The record while it grows: each change once, in order, and no more than there was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm.simulate.timeline import MetricSample, ScaleChange
from fleet.drill.recorder import Recorder
from fleet.drill.view import Pod, View
from tests.drills import ledger, pods, second

LOADING = Pod(phase="Running", ready=False, node="n", leaving=False)
READY = replace(LOADING, ready=True)
LEAVING = replace(READY, leaving=True)


def ready(count: int) -> View:
    return View(pods={f"pod-{index}": READY for index in range(count)})


def told(recorder: Recorder) -> list[tuple[float, str, str, str]]:
    return [(one.t, one.kind, one.subject, one.text) for one in recorder.happenings]


def reached(recorder: Recorder) -> list[tuple[int, float]]:
    return [(one.k, one.t) for one in recorder.ready]


def after(*views: View) -> Recorder:
    """One view a second, the first before the traffic."""
    recorder = Recorder()
    first, *others = views
    recorder.begin(first)
    for t, view in enumerate(others, start=1):
        recorder.saw(t, view)
    return recorder


def test_what_is_there_before_the_traffic_is_no_change() -> None:
    recorder = after(View(wanted=2, hpa_wants=2, pods=ready(2).pods, nodes={"n": "g5.xlarge"}))
    assert recorder.scale_changes == []
    assert recorder.happenings == []
    assert reached(recorder) == [(1, 0.0), (2, 0.0)]


def test_a_view_that_says_nothing_new_leaves_no_trace() -> None:
    view = View(wanted=2, hpa_wants=2, pods=ready(2).pods, nodes={"n": "g5.xlarge"})
    recorder = after(view, view)
    assert recorder.happenings == []
    assert recorder.scale_changes == []


def test_a_change_of_the_wanted_replicas_is_kept_with_what_was_before() -> None:
    recorder = after(View(wanted=1), View(wanted=3), View(wanted=3, hpa_wants=1), View(wanted=1, hpa_wants=1))
    assert recorder.scale_changes == [
        ScaleChange(t=1, before=1, after=3),
        ScaleChange(t=3, before=3, after=1),
    ]
    assert [one for one in told(recorder) if one[1] == "replicas"] == [
        (1, "replicas", "Deployment", "1 → 3"),
        (3, "replicas", "Deployment", "3 → 1"),
    ]


def test_the_hpas_wish_is_told_when_it_changes_and_not_when_it_is_unknown() -> None:
    recorder = after(View(), View(hpa_wants=2), View(hpa_wants=2), View(hpa_wants=None), View(hpa_wants=0))
    assert told(recorder) == [
        (1, "hpa", "HorizontalPodAutoscaler", "wants 2"),
        (4, "hpa", "HorizontalPodAutoscaler", "wants 0"),
    ]


def test_each_number_of_ready_replicas_is_reached_once_when_it_first_is() -> None:
    recorder = after(ready(1), ready(2), ready(0), ready(2), ready(3))
    assert reached(recorder) == [(1, 0.0), (2, 1), (3, 4)]


def test_replicas_that_are_ready_at_one_moment_reach_every_number_up_to_theirs() -> None:
    assert reached(after(ready(0), ready(3))) == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("pod", [LOADING, LEAVING])
def test_a_replica_that_does_not_answer_counts_for_no_number(pod: Pod) -> None:
    assert reached(after(View(), View(pods={"a": pod}))) == []


@given(st.lists(st.integers(min_value=0, max_value=6), min_size=1, max_size=12))
def test_the_numbers_reached_are_one_after_the_other_and_end_with_the_highest(counts: list[int]) -> None:
    found = reached(after(*map(ready, counts)))
    assert [k for k, _ in found] == list(range(1, max(counts) + 1))
    for k, t in found:
        assert t == next(at for at, count in enumerate(counts) if count >= k)


def test_a_replicas_life_is_told_step_by_step() -> None:
    lives: tuple[dict[str, Pod], ...] = ({}, {"a": LOADING}, {"a": READY}, {"a": LEAVING}, {"a": LEAVING}, {})
    recorder = after(*(View(pods=each) for each in lives))
    assert told(recorder) == [
        (1, "pod", "a", "created"),
        (2, "pod", "a", "ready"),
        (3, "pod", "a", "terminating"),
        (5, "pod", "a", "gone"),
    ]


def test_a_node_is_told_with_its_machine_when_it_registers_and_when_it_is_gone() -> None:
    recorder = after(View(), View(nodes={"b": "g6.xlarge", "a": "g5.xlarge"}), View(nodes={"b": "g6.xlarge"}))
    assert told(recorder) == [
        (1, "node", "a", "g5.xlarge registered"),
        (1, "node", "b", "g6.xlarge registered"),
        (2, "node", "a", "g5.xlarge gone"),
    ]


def test_a_fault_is_told_with_its_victim() -> None:
    recorder = Recorder()
    recorder.fault(85.2, "pod-1", "evicted")
    assert told(recorder) == [(85.2, "fault", "pod-1", "evicted")]


def test_a_phase_is_told_at_its_first_second_alone() -> None:
    recorder = Recorder()
    for t, phase in enumerate(("ramp", "ramp", "peak", "ramp"), start=1):
        recorder.second(second(t, phase=phase), ledger(t))
    assert told(recorder) == [
        (1, "phase", "ramp", "begins"),
        (3, "phase", "peak", "begins"),
        (4, "phase", "ramp", "begins"),
    ]


def test_each_second_is_kept_with_its_own_ledger() -> None:
    recorder = Recorder()
    for t in (1, 2):
        recorder.second(second(t), ledger(t))
    assert recorder.seconds == [second(1), second(2)]
    assert [(mark.t, mark.ledger) for mark in recorder.ledger_marks] == [(1, ledger(1)), (2, ledger(2))]


def test_the_same_answer_of_the_metrics_api_is_kept_once_with_its_first_moment() -> None:
    recorder = Recorder()
    for t in (1, 2, 3):
        recorder.sampled(MetricSample(t=t, replicas=1, pods=pods([500])))
    assert [one.t for one in recorder.metric_samples] == [1]


def test_an_answer_on_which_the_hpa_could_decide_otherwise_is_kept() -> None:
    recorder = Recorder()
    for t, (replicas, millicores) in enumerate(((1, 500), (1, 600), (2, 600), (2, 600), (1, 500))):
        recorder.sampled(MetricSample(t=t, replicas=replicas, pods=pods([millicores])))
    assert [one.t for one in recorder.metric_samples] == [0, 1, 2, 4]
