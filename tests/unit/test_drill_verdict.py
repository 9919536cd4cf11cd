"""The verdict over a drill's record: each failing drill names the check that it broke."""

from dataclasses import replace

import pytest

from elastic_vllm.simulate.timeline import Check, LedgerAt, Run
from elastic_vllm.spec import ScalingSpec
from fleet.drill import bounds
from fleet.drill.verdict import Expectations, judge
from tests.drills import (
    CHANGES,
    DURATION,
    SAMPLES,
    SCALING,
    changes,
    drill,
    fault,
    ledger,
    marks,
    ready,
    sample,
    second,
)

PLANNED = Expectations(planned_replicas=5, settled_by=DURATION)


def check(run: Run, name: str, expectations: Expectations = PLANNED) -> Check:
    found = {one.id: one for one in judge(run, SCALING, expectations).checks}
    return found[name]


def failed(run: Run) -> set[str]:
    judged = judge(run, SCALING, PLANNED)
    names = {one.id for one in judged.checks if not one.passed}
    assert judged.passed == (not names)
    return names


def test_the_good_drill_keeps_every_check() -> None:
    judged = judge(drill(), SCALING, PLANNED)
    assert [(one.id, one.bound, one.measured) for one in judged.checks] == [
        (
            "ledger-balances",
            "sent = answered + refused + aborted + in flight, each second",
            "18,000 = 17,995 + 0 + 0 + 5",
        ),
        ("reaches-planned", "5 replicas Ready", "5 Ready at 101.0 s"),
        ("replica-2-in-time", "by 67.0 s: asked for at 10.0 s, boot 12 s, load 20 s, 25 s", "48.0 s"),
        ("replica-3-in-time", "by 67.0 s: asked for at 10.0 s, boot 12 s, load 20 s, 25 s", "49.0 s"),
        ("replica-4-in-time", "by 117.0 s: asked for at 60.0 s, boot 12 s, load 20 s, 25 s", "100.0 s"),
        ("replica-5-in-time", "by 117.0 s: asked for at 60.0 s, boot 12 s, load 20 s, 25 s", "101.0 s"),
        (
            "scale-up-policy",
            "at most 2 replicas per 30 s, within 1 s",
            "1 to 3 replicas at 14.0 s, where 3 were allowed",
        ),
        ("refused-after-peak", "below 0.100%", "0 of 7,900 (0.000%)"),
        ("nothing-aborted", "0 requests", "0 of 18,000"),
        ("nodes-at-peak", "5 nodes for 5 replicas wanted or leaving", "5 nodes at most"),
        (
            "returns-to-min",
            "1 Ready, 0 not, on 1 node; 1 wanted, by 180 s",
            "1 Ready, 0 not, on 1 node; 1 wanted at 180 s",
        ),
    ]
    assert judged.passed


def test_judging_changes_nothing_but_the_checks() -> None:
    run = drill()
    assert judge(judge(run, SCALING, PLANNED), SCALING, PLANNED) == judge(run, SCALING, PLANNED)
    assert judge(run, SCALING, PLANNED).model_copy(update={"checks": ()}) == run


# --- Failing twins


def test_a_maximum_below_the_plan_is_named() -> None:
    short = drill(
        max_replicas=3,
        scale_changes=changes((14, 1, 3), (155, 3, 1)),
        ready=ready({1: 0, 2: 48, 3: 49}),
        metric_samples=(*SAMPLES[:5], sample(120, 3, [100] * 3), SAMPLES[-1]),
    )
    assert failed(short) == {"reaches-planned", "refused-after-peak"}
    assert check(short, "reaches-planned").measured == "3 Ready at most"
    assert check(short, "refused-after-peak").measured == "5 replicas never Ready"


def test_a_pool_without_room_is_named_with_each_replica_that_never_came() -> None:
    full = drill(ready=ready({1: 0, 2: 48, 3: 49}))
    late = {"replica-4-in-time", "replica-5-in-time"}
    assert failed(full) == {"reaches-planned", "refused-after-peak"} | late
    assert check(full, "replica-4-in-time").measured == "not Ready in 180.0 s"


def test_a_node_killed_without_notice_is_named_with_the_fault() -> None:
    struck = drill(
        ledger_marks=marks(aborted={90: 4}),
        happenings=(fault(89.5, "l4-abc", "killed without notice"), fault(150, "chat-0", "evicted")),
    )
    assert failed(struck) == {"nothing-aborted"}
    assert check(struck, "nothing-aborted").measured == (
        "4 of 18,000, first by 90.0 s, after fault: l4-abc killed without notice"
    )


# --- Ledger


def test_a_ledger_that_does_not_balance_is_named_with_its_moment() -> None:
    lost = ledger(7).model_copy(update={"answered": 690})
    run = drill(ledger_marks=(LedgerAt(t=7, ledger=lost), *marks()[8:]))
    assert failed(run) == {"ledger-balances"}
    assert check(run, "ledger-balances").measured == "at 7.0 s: 700 ≠ 690 + 0 + 0 + 5"


def test_a_final_ledger_that_does_not_balance_is_named() -> None:
    run = drill(ledger=ledger(DURATION).model_copy(update={"in_flight": 6}))
    assert failed(run) == {"ledger-balances"}


def test_requests_that_come_back_are_named() -> None:
    run = drill(ledger_marks=(*marks(), LedgerAt(t=DURATION + 1, ledger=ledger(DURATION - 1))))
    assert check(run, "ledger-balances").measured == "sent fell from 18,000 to 17,900 by 181.0 s"
    assert failed(run) == {"ledger-balances"}


def test_a_count_below_zero_does_not_balance() -> None:
    wrong = ledger(DURATION).model_copy(update={"in_flight": -1, "answered": DURATION * 100 + 1})
    assert failed(drill(ledger=wrong)) == {"ledger-balances"}


def test_a_drill_without_traffic_proves_nothing() -> None:
    assert failed(drill(ledger_marks=())) == {"ledger-balances", "refused-after-peak"}
    assert check(drill(ledger_marks=()), "ledger-balances").measured == "nothing was sent"


# --- Refused


@pytest.mark.parametrize(("count", "passed"), [(7, True), (8, False)])  # of 8,000: below 0.1 %
def test_fewer_than_the_slo_may_be_refused_after_the_peak(count: int, passed: bool) -> None:
    run = drill(ledger_marks=marks(refused={130: count}), ready=ready({1: 0, 5: 100}))
    assert check(run, "refused-after-peak").passed is passed


def test_what_was_refused_before_the_last_replica_was_ready_does_not_count() -> None:
    assert failed(drill(ledger_marks=marks(refused={20: 90}))) == set()


def test_no_request_after_the_peak_proves_nothing() -> None:
    quiet = tuple(LedgerAt(t=t, ledger=ledger(min(t, 101))) for t in range(DURATION + 1))
    assert failed(drill(ledger_marks=quiet)) == {"refused-after-peak"}


# --- Return


@pytest.mark.parametrize(
    "left",
    [
        {"ready": 2},
        {"ready": 0},
        {"wanted": 2},
        {"loading": 1},
        {"leaving": 1},
        {"without_node": 1},
        {"nodes": {"g6.xlarge": 2}},
        {"nodes": {"g6.xlarge": 1, "g6.2xlarge": 1}},
        {"nodes": {}},
    ],
)
def test_anything_left_over_at_the_end_is_named(left: dict[str, object]) -> None:
    peak = second(100, wanted=5, ready=5, nodes={"g6.xlarge": 5})
    assert failed(drill(seconds=(peak, second(DURATION, **left)))) == {"returns-to-min"}


def test_what_is_given_back_too_late_is_named() -> None:
    early = replace(PLANNED, settled_by=DURATION - 1)
    assert not check(drill(), "returns-to-min", early).passed


def test_the_nodes_needed_follow_from_how_many_replicas_share_one() -> None:
    run = drill(min_replicas=3, seconds=(second(DURATION, wanted=3, ready=3, nodes={"g6.12xlarge": 2}),))

    def passed(replicas_per_node: int, idle_nodes: int = 0) -> bool:
        expected = replace(PLANNED, replicas_per_node=replicas_per_node, idle_nodes=idle_nodes)
        return check(run, "returns-to-min", expected).passed

    assert passed(2)
    assert not passed(4)
    assert passed(4, idle_nodes=2)


def test_a_drill_without_a_single_second_returned_nowhere() -> None:
    assert check(drill(seconds=()), "returns-to-min").passed is False


# --- Nodes at the peak


@pytest.mark.parametrize("nodes", [{"g6.xlarge": 6}, {"g6.xlarge": 5, "g6.2xlarge": 1}])
def test_a_node_more_than_the_peak_needs_is_named(nodes: dict[str, int]) -> None:
    run = drill(seconds=(second(100, wanted=5, ready=5, nodes=nodes), second(DURATION)))
    assert failed(run) == {"nodes-at-peak"}
    assert check(run, "nodes-at-peak").measured == "6 nodes at most"


def test_a_replica_that_was_told_to_go_still_needs_its_node() -> None:
    swap = second(100, wanted=5, ready=5, leaving=1, nodes={"g6.xlarge": 6})
    assert failed(drill(seconds=(swap, second(DURATION)))) == set()


def test_what_a_fault_took_may_be_there_beside_what_came_for_it() -> None:
    peak = second(100, wanted=5, ready=5, nodes={"g6.xlarge": 6})
    killed = fault(90, "l4-abc", "killed without notice")
    run = drill(seconds=(peak, second(DURATION)), happenings=(killed,))
    assert failed(run) == set()
    assert check(run, "nodes-at-peak").bound == (
        "5 nodes for 5 replicas wanted or leaving, and 1 for each fault: 1"
    )
    more = second(100, wanted=5, ready=5, nodes={"g6.xlarge": 7})
    assert failed(drill(seconds=(more, second(DURATION)), happenings=(killed,))) == {"nodes-at-peak"}


@pytest.mark.parametrize(
    ("replicas_per_node", "idle_nodes", "most"), [(1, 0, 5), (2, 0, 3), (2, 2, 3), (2, 4, 4), (1, 4, 5)]
)
def test_a_pools_floor_may_stand_empty_and_holds_replicas(
    replicas_per_node: int, idle_nodes: int, most: int
) -> None:
    expected = replace(PLANNED, replicas_per_node=replicas_per_node, idle_nodes=idle_nodes)

    def passed(nodes: int) -> bool:
        run = drill(seconds=(second(100, wanted=5, ready=5, nodes={"g6.xlarge": nodes}),))
        return check(run, "nodes-at-peak", expected).passed

    assert passed(most)
    assert not passed(most + 1)


def test_a_drill_without_a_single_second_showed_no_peak() -> None:
    assert check(drill(seconds=()), "nodes-at-peak").passed is False


# --- Rate


def rising(policies: list[dict[str, object]], *steps: tuple[float, int, int], select: str = "Max") -> Check:
    up = {"policies": policies, "selectPolicy": select}
    scaling = ScalingSpec.model_validate({"scaleUp": up})
    judged = judge(drill(scale_changes=changes(*steps)), scaling, PLANNED)
    return next(one for one in judged.checks if one.id == "scale-up-policy")


TWO = {"type": "Pods", "value": 2, "periodSeconds": 30}
DOUBLE = {"type": "Percent", "value": 100, "periodSeconds": 15}


@pytest.mark.parametrize(
    ("steps", "passed"),
    [
        ([(10, 1, 3), (40, 3, 5)], True),
        ([(10, 1, 3), (39.1, 3, 5)], True),  # within the second
        ([(10, 1, 3), (38.9, 3, 5)], False),
        ([(10, 1, 2), (20, 2, 3), (41, 3, 4), (52, 4, 5)], True),
        ([(10, 1, 2), (20, 2, 3), (30, 3, 4)], False),
        ([(10, 1, 4)], False),
        ([(10, 3, 1), (20, 1, 5)], True),  # the period began with 3
        ([(10, 3, 1), (50, 1, 5)], False),
        ([(9.5, 5, 2), (40, 2, 6)], True),  # within the second too: the period began with 5
        ([(8.5, 5, 2), (40, 2, 6)], False),
        ([], True),
    ],
)
def test_no_window_of_thirty_seconds_adds_more_than_two(
    steps: list[tuple[float, int, int]], passed: bool
) -> None:
    assert rising([TWO], *steps).passed is passed


def test_of_two_policies_the_selected_one_limits() -> None:
    steps = [(10, 4, 8)]
    assert rising([TWO, DOUBLE], *steps).passed
    least = rising([TWO, DOUBLE], *steps, select="Min")
    assert not least.passed
    assert least.bound == "at most the least of 2 replicas per 30 s, 100 % per 15 s, within 1 s"
    assert least.measured == "4 to 8 replicas at 10.0 s, where 6 were allowed"
    assert not rising([TWO, DOUBLE], (10, 4, 9)).passed
    assert not rising([TWO], (10, 4, 5), select="Disabled").passed


def test_the_minimum_is_restored_at_any_rate() -> None:
    run = drill(min_replicas=5, scale_changes=changes((10, 1, 5)))
    assert check(run, "scale-up-policy").passed
    assert not check(drill(scale_changes=changes((10, 1, 5))), "scale-up-policy").passed


# --- Bounds


def asked(run: Run, scaling: ScalingSpec = SCALING) -> list[tuple[int, float, bool]]:
    return [(one.k, one.t, one.by_algorithm) for one in bounds.asked(run, scaling)]


def test_a_replica_is_due_from_when_the_algorithm_asks_for_it() -> None:
    assert asked(drill()) == [(2, 10, True), (3, 10, True), (4, 60, True), (5, 60, True)]


@pytest.mark.parametrize(("t", "passed"), [(117.0, True), (117.1, False)])
def test_a_replica_may_take_boot_load_and_25_seconds(t: float, passed: bool) -> None:
    run = drill(ready=ready({1: 0, 2: 48, 3: 49, 4: 100, 5: t}))
    assert failed(run) == (set() if passed else {"replica-5-in-time"})


@pytest.mark.parametrize(("t", "passed"), [(55.0, True), (55.1, False)])
def test_a_replica_whose_node_was_kept_warm_may_take_load_and_25_seconds_alone(
    t: float, passed: bool
) -> None:
    warm = drill(headroom=1, ready=ready({1: 0, 2: t, 3: 67, 4: 117, 5: 117}))
    assert failed(warm) == (set() if passed else {"replica-2-in-time"})
    assert "its node warm" in check(warm, "replica-2-in-time").bound


def test_warm_places_are_nodes_that_the_peak_and_the_end_may_have() -> None:
    expected = Expectations(planned_replicas=5, headroom=1, settled_by=DURATION)
    peak = second(100, wanted=5, ready=5, nodes={"g6.xlarge": 6})
    run = drill(seconds=(peak, second(DURATION, nodes={"g6.xlarge": 2})))
    assert check(run, "nodes-at-peak", expected).passed
    assert check(run, "returns-to-min", expected).passed
    assert not check(run, "nodes-at-peak").passed
    assert not check(run, "returns-to-min").passed


def test_the_rate_is_in_the_ask_and_frees_it_between_two_samples() -> None:
    """Ten are wanted at once; the change told of at 14.5 s uses the rate up until 43.5 s at the earliest."""
    run = drill(
        metric_samples=(sample(10, 1, [9000]), sample(15, 3, [9000, 9000, 9000]), sample(80, 5, [700] * 5)),
        scale_changes=changes((14.5, 1, 3), (50, 3, 5)),
    )
    assert asked(run) == [(2, 10, True), (3, 10, True), (4, 44, True), (5, 44, True)]


def test_a_change_as_soon_as_the_rate_allows_it_was_asked_for_by_the_algorithm() -> None:
    """As recorded once: the watch told of the second change 30.04 s after the first, between two samples."""
    run = drill(
        metric_samples=(
            sample(13, 1, [1000]),
            sample(43, 2, [9000, 9000]),
            sample(45, 4, [9000, 9000], pending=2),
        ),
        scale_changes=changes((14.66, 1, 2), (44.70, 2, 4)),
    )
    assert asked(run)[:3] == [(2, 13, True), (3, 43, True), (4, 44, True)]


def test_between_two_samples_the_watch_says_how_many_replicas_there_are() -> None:
    run = drill(metric_samples=(sample(10, 1, [9000]),), scale_changes=changes((14.5, 1, 3), (50, 3, 5)))
    assert asked(run)[:4] == [(2, 10, True), (3, 10, True), (4, 44, True), (5, 44, True)]


def test_a_controller_that_never_scales_is_late() -> None:
    stuck = drill(metric_samples=SAMPLES[:2], scale_changes=(), ready=ready({1: 0}))
    assert {"replica-2-in-time", "replica-3-in-time"} <= failed(stuck)


def test_a_peak_that_passes_between_two_syncs_asks_for_nothing() -> None:
    def peak(end: float) -> Run:
        samples = (sample(0, 1, [700]), sample(10, 1, [2000]), sample(end, 1, [700]))
        return drill(metric_samples=samples, scale_changes=())

    assert asked(peak(25)) == []
    assert asked(peak(27)) == [(2, 10, True), (3, 10, True)]


def test_a_peak_that_the_controller_answered_counts_however_short() -> None:
    samples = (sample(0, 1, [700]), sample(10, 1, [2000]), sample(14, 3, [100] * 3))
    run = drill(metric_samples=samples, scale_changes=CHANGES[:1])
    assert asked(run) == [(2, 10, True), (3, 10, True)]
    # So too where nothing holds the algorithm back from taking it back at once.
    hasty = ScalingSpec.model_validate(
        {
            "scaleDown": {
                "stabilizationWindowSeconds": 0,
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 1}],
            }
        }
    )
    assert asked(run, hasty) == [(2, 10, True), (3, 10, True)]


def test_replicas_that_only_the_watch_explains_are_due_from_the_change_and_say_so() -> None:
    run = drill(metric_samples=(sample(0, 1, [700]),))
    assert asked(run)[0] == (2, 14, False)
    assert check(run, "replica-2-in-time").bound == (
        "by 71.0 s: set by the controller before the algorithm asked, at 14.0 s, boot 12 s, load 20 s, 25 s"
    )


# --- Time to first token


def test_time_to_first_token_is_a_check_only_where_the_scenario_says_so() -> None:
    slow = drill(seconds=(second(50, ttft_p99=2.0), second(60, ttft_p99=None), second(DURATION)))
    assert failed(slow) == set()
    held = check(slow, "ttft-slo", replace(PLANNED, hold_ttft=True))
    assert (held.passed, held.measured) == (False, "2.00 s at worst, at 50.0 s; above for 1 s")
    good = check(drill(), "ttft-slo", replace(PLANNED, hold_ttft=True))
    assert good.passed
    silent = drill(seconds=(second(DURATION, ttft_p99=None),))
    assert not check(silent, "ttft-slo", replace(PLANNED, hold_ttft=True)).passed
