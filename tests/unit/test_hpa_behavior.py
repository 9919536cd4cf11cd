"""What bounds, windows and rates leave of what metrics ask for, worked out by hand from the documentation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm.simulate.hpa import Hpa, Whole
from elastic_vllm.simulate.hpa.behavior import Events, Recommendations
from elastic_vllm.spec import ScalingSpec
from tests.hpa import DOWN, NOW, UP, busy, direction, scaling, step

# --- Bounds


def test_replicas_outside_their_bounds_are_set_right_at_once_without_asking_metrics() -> None:
    slow = scaling(
        up=direction({**UP, "value": 1}, window=3600), down=direction({"type": "Pods"} | DOWN, window=3600)
    )
    hpa = Hpa(slow, 3, 8)
    above, below, none = (hpa.decide(NOW, replicas, busy(700)) for replicas in (20, 1, 0))
    assert (above.desired, above.reason) == (8, "AboveMaxReplicas")
    assert (below.desired, below.reason) == (3, "BelowMinReplicas")
    assert (none.desired, none.reason) == (0, "ScalingDisabled")


def test_a_recommendation_beyond_the_bounds_is_cut_to_them() -> None:
    hpa = Hpa(scaling(), 2, 5)
    high, low = hpa.decide(NOW, 3, busy(7000, 7000, 7000)), hpa.decide(NOW, 3, busy(1, 1, 1))
    assert (high.desired, high.recommendation, high.reason) == (5, 30, "TooManyReplicas")
    assert (low.desired, low.recommendation, low.reason) == (2, 0, "TooFewReplicas")


# --- Windows

ASKED: dict[str, object] = {"type": "External", "name": "asked", "target": {"averageValue": "1"}}
"""A metric that asks for as many replicas as its value says."""
SEED = ScalingSpec.model_validate({"metrics": [ASKED]})


def play(hpa: Hpa, start: int, *steps: tuple[float, int]) -> list[int]:
    """Replicas after each sync ``(moment, replicas that the metric asks for)``."""
    replicas, seen = start, []
    for t, wanted in steps:
        decision = step(hpa, t, replicas, busy(*[0] * replicas), {0: Whole(wanted * 1000)})
        assert decision.recommendation == wanted
        replicas = decision.desired
        seen.append(replicas)
    return seen


def test_scaling_down_takes_the_highest_recommendation_of_its_window() -> None:
    hpa = Hpa(scaling(ASKED, down=direction(DOWN, window=60)), 1, 100)
    steps = [(0.0, 10), (15.0, 8), (30.0, 6), (45.0, 4), (59.9, 4), (60.0, 4), (75.0, 4), (90.0, 4)]
    assert play(hpa, 10, *steps) == [10, 10, 10, 10, 10, 8, 6, 4]


def test_the_replicas_at_the_first_sync_are_the_first_recommendation() -> None:
    hpa = Hpa(scaling(ASKED, up=direction(UP, window=30)), 1, 100)
    assert play(hpa, 2, (0.0, 6), (15.0, 6), (29.9, 6), (30.0, 6)) == [2, 2, 2, 6]


def test_scaling_up_takes_the_lowest_recommendation_of_its_window() -> None:
    hpa = Hpa(scaling(ASKED, up=direction(UP, window=30)), 1, 100)
    steps = [(0.0, 2), (29.9, 6), (30.0, 6), (45.0, 8), (60.0, 8), (74.0, 9), (90.0, 9)]
    assert play(hpa, 2, *steps) == [2, 2, 6, 6, 8, 8, 9]


def test_a_sync_without_metrics_leaves_no_recommendation() -> None:
    hpa = Hpa(scaling(down=direction(DOWN, window=60)), 1, 100)
    step(hpa, 0.0, 4, busy(700, 700, 700, 700))
    assert step(hpa, 30.0, 4, busy(None, None, None, None)).reason == "MetricsFailed"
    assert step(hpa, 60.0, 4, busy(100, 100, 100, 100)).desired == 1


def test_the_reason_says_which_window_held() -> None:
    down = Hpa(scaling(down=direction(DOWN, window=60)), 1, 100)
    assert down.decide(NOW, 4, busy(100, 100, 100, 100)).reason == "ScaleDownStabilized"
    up = Hpa(scaling(up=direction(UP, window=60)), 1, 100)
    assert up.decide(NOW, 1, busy(7000)).reason == "ScaleUpStabilized"


# --- Rates


def test_the_seeds_policy_adds_two_per_thirty_seconds() -> None:
    steps = [(t, 10) for t in (0.0, 15.0, 30.0, 45.0, 60.0, 90.0, 120.0)]
    assert play(Hpa(SEED, 1, 10), 1, *steps) == [3, 3, 5, 5, 7, 9, 10]


def test_the_seeds_policy_gives_back_one_a_minute_after_five_calm_minutes() -> None:
    steps = [(t, 1) for t in (0.0, 285.0, 300.0, 315.0, 345.0, 360.0, 420.0, 480.0)]
    assert play(Hpa(SEED, 1, 10), 4, *steps) == [4, 4, 3, 3, 3, 2, 1, 1]


@pytest.mark.parametrize(
    ("policies", "select", "start", "limit"),
    [
        ([("Pods", 4)], "Max", 10, 14),
        ([("Percent", 100)], "Max", 3, 6),
        ([("Percent", 10)], "Max", 4, 5),  # rounded up, so that it moves at all
        ([("Pods", 4), ("Percent", 100)], "Max", 10, 20),
        ([("Pods", 4), ("Percent", 100)], "Min", 10, 14),
        ([("Pods", 4), ("Percent", 100)], "Max", 2, 6),
        ([("Pods", 4), ("Percent", 100)], "Disabled", 10, 10),
    ],
)
def test_a_step_up_is_limited_by_the_selected_policy(
    policies: list[tuple[str, int]], select: str, start: int, limit: int
) -> None:
    spec = scaling(up=direction(*map(_policy, policies), select=select))
    decision = Hpa(spec, 1, 100).decide(NOW, start, busy(*[9000] * start))
    assert (decision.desired, decision.reason) == (limit, "ScaleUpLimit")


@pytest.mark.parametrize(
    ("policies", "select", "start", "limit"),
    [
        ([("Pods", 4)], "Max", 10, 6),
        ([("Percent", 50)], "Max", 5, 2),  # 2.5, cut
        ([("Percent", 10)], "Max", 5, 4),  # 4.5, cut
        ([("Pods", 1), ("Percent", 50)], "Max", 10, 5),
        ([("Pods", 1), ("Percent", 50)], "Min", 10, 9),
        ([("Pods", 1), ("Percent", 50)], "Disabled", 10, 10),
    ],
)
def test_a_step_down_is_limited_by_the_selected_policy(
    policies: list[tuple[str, int]], select: str, start: int, limit: int
) -> None:
    spec = scaling(down=direction(*map(_policy, policies), select=select))
    decision = Hpa(spec, 1, 100).decide(NOW, start, busy(*[1] * start))
    assert (decision.desired, decision.reason) == (limit, "ScaleDownLimit")


def _policy(policy: tuple[str, int]) -> dict[str, object]:
    return {"type": policy[0], "value": policy[1], "periodSeconds": 60}


def test_where_rate_and_bound_meet_the_bound_is_the_reason() -> None:
    spec = scaling(up=direction(_policy(("Pods", 2))), down=direction(_policy(("Pods", 2))))
    assert Hpa(spec, 1, 3).decide(NOW, 1, busy(7000)).reason == "TooManyReplicas"
    assert Hpa(spec, 1, 3).decide(NOW, 3, busy(1, 1, 1)).reason == "TooFewReplicas"


def test_only_changes_that_really_happened_use_up_a_policy() -> None:
    hpa = Hpa(ScalingSpec.model_validate({}), 1, 10)
    assert hpa.decide(0, 1, busy(7000)).desired == 3
    assert hpa.decide(1, 1, busy(7000)).desired == 3  # nobody scaled: nothing used up
    hpa.observe_scale(2, 1, 2)
    hpa.observe_scale(2, 2, 2)
    assert hpa.decide(3, 2, busy(7000, 7000)).desired == 3  # one of two is used
    assert hpa.decide(31.9, 2, busy(7000, 7000)).desired == 3
    assert hpa.decide(32, 2, busy(7000, 7000)).desired == 4  # a period ago is outside


def test_replicas_given_back_within_the_period_may_be_taken_again() -> None:
    hpa = Hpa(scaling(up=direction({**UP, "value": 1, "periodSeconds": 60})), 1, 100)
    hpa.observe_scale(0, 5, 2)
    assert hpa.decide(1, 2, busy(7000, 7000)).desired == 6  # the period began with 5


def test_more_used_than_the_period_allows_never_turns_a_change_round() -> None:
    hpa = Hpa(scaling(up=direction({**UP, "value": 1, "periodSeconds": 60})), 1, 100)
    hpa.observe_scale(0, 1, 5)  # as when the minimum was raised
    assert hpa.decide(1, 5, busy(*[7000] * 5)).desired == 5
    hpa = Hpa(scaling(down=direction({"type": "Pods", "value": 1, "periodSeconds": 60})), 1, 100)
    hpa.observe_scale(0, 9, 5)
    assert hpa.decide(1, 5, busy(*[1] * 5)).desired == 5


def test_an_event_outlives_its_period_only_for_the_other_direction_and_until_overwritten() -> None:
    events = Events(longest_period_seconds=15)
    events.record(0, 3)
    assert (events.within(20, 15), events.within(20, 600)) == (0, 3)
    events.record(20, 1)
    assert events.within(30, 600) == 1  # the first is overwritten, as the controller does
    events.record(35, 1)  # exactly a period after 20: not yet
    assert events.within(35, 600) == 2


def test_of_two_old_events_the_later_in_the_list_is_overwritten() -> None:
    events = Events(longest_period_seconds=15)
    events.record(0, 1)
    events.record(1, 2)
    events.record(100, 4)
    assert events.within(100, 600) == 5


def test_windows_bind_each_on_its_own_side() -> None:
    past = Recommendations(up_window_seconds=60, down_window_seconds=60)
    past.begin(0, 5)
    assert past.stabilised(10, 5, 8) == 5
    assert past.stabilised(20, 5, 3) == 5
    assert past.stabilised(60, 2, 3) == 3  # below everything in both windows: at least the lowest
    assert past.stabilised(65, 9, 3) == 8  # above everything: at most the highest


# --- Properties

LOADS = st.lists(st.integers(0, 4000), min_size=1, max_size=40)


@given(LOADS, st.integers(1, 4), st.integers(0, 6))
def test_desired_is_always_within_bounds(loads: list[int], least: int, more: int) -> None:
    hpa, replicas = Hpa(scaling(), least, least + more), least
    for sync, load in enumerate(loads):
        replicas = step(hpa, sync * 15.0, replicas, busy(*[load] * replicas)).desired
        assert least <= replicas <= least + more


POLICIES = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Pods", "Percent"]),
            "value": st.integers(1, 120),
            "periodSeconds": st.sampled_from([15, 20, 30, 60, 90]),
        }
    ),
    min_size=1,
    max_size=3,
)


@given(LOADS, POLICIES, st.sampled_from(["Max", "Min"]))
def test_no_period_adds_more_than_its_policy_allows(
    loads: list[int], policies: list[dict[str, object]], select: str
) -> None:
    spec = scaling(up=direction(*policies, select=select), down=direction({**DOWN, "periodSeconds": 1800}))
    hpa, replicas, history = Hpa(spec, 1, 60), 1, [(-1.0, 1)]
    for sync, load in enumerate(loads):
        now = sync * 15.0
        after = step(hpa, now, replicas, busy(*[load] * replicas)).desired
        history.append((now, after))
        if after > replicas:
            allowed = [_most(step, history, now) for step in policies]
            assert after <= (max(allowed) if select == "Max" else min(allowed))
        replicas = after


def _most(step: dict[str, object], history: list[tuple[float, int]], now: float) -> float:
    """By definition: from the replicas that there were a period ago."""
    period, value = step["periodSeconds"], step["value"]
    assert isinstance(period, int)
    assert isinstance(value, int)
    start = [replicas for t, replicas in history if t <= now - period or t < 0][-1]
    return start + (value if step["type"] == "Pods" else start * value / 100 + 1)


def test_to_decide_on_a_known_recommendation_is_to_decide_on_the_metrics_that_gave_it() -> None:
    spec = scaling(up=direction(UP, window=30), down=direction(DOWN, window=60))
    asked, told = Hpa(spec, 1, 6), Hpa(spec, 1, 6)
    replicas = 2
    for moment, load in enumerate([700, 1400, 1400, 1400, 2100, 100, 100, 100, 100, 100, 100]):
        now = NOW + 15.0 * moment
        decision = step(asked, now, replicas, busy(*[load] * replicas))
        assert decision.recommendation is not None
        same = told.decide_on(now, replicas, decision.recommendation)
        told.observe_scale(now, replicas, same.desired)
        assert same == decision
        replicas = decision.desired
    assert replicas == 1
