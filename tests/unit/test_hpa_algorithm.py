"""How many replicas metrics ask for, worked out by hand from the documented algorithm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm.simulate.hpa import PerPod, Reading, Whole
from elastic_vllm.simulate.hpa.proposal import milli, whole_milli
from elastic_vllm.spec import ScalingSpec
from tests.hpa import NOW, Pod, altered, busy, cpu, decide, pending, scaling

# --- Utilization


@pytest.mark.parametrize(
    ("millicores", "wanted"),
    [
        ([700, 700, 700], 3),  # at target
        ([770, 770, 770], 3),  # ratio 1.1: still within tolerance
        ([779, 779, 779], 3),  # 77.9 % is cut to 77 %
        ([780, 780, 780], 4),  # ratio 1.114; x 3 = 3.34
        ([630, 630, 630], 3),  # ratio 0.9: still within tolerance
        ([629, 629, 629], 3),  # 62 %: ratio 0.886; x 3 = 2.66
        ([460, 460, 460], 2),  # ratio 0.657; x 3 = 1.97
        ([1400], 2),
        ([1401], 2),  # 140.1 % is cut to 140 %
        ([1410], 3),  # 141 %: ratio 2.014
        ([0, 0, 0], 1),  # asks for 0, which the minimum forbids
        ([1000, 400, 100], 3),  # the mean counts: 50 %; ratio 0.714; x 3 = 2.14
    ],
)
def test_replicas_follow_the_ratio_of_usage_to_target(millicores: list[float], wanted: int) -> None:
    assert decide(busy(*millicores)).desired == wanted


def test_utilization_is_of_all_requests_together_not_the_mean_of_per_cents() -> None:
    large = Pod(name="large", cpu_millicores=3000, request_millicores=3000)
    # 3,100 of 4,000 = 77 %, within tolerance; the mean of 100 % and 10 % would ask for fewer.
    assert decide([large, *busy(100)]).desired == 2


def test_a_value_is_rounded_up_to_a_whole_millicore_as_the_metrics_client_does() -> None:
    assert decide(busy(779.000001)).desired == 2  # 780 m
    assert decide(busy(779.0000000001)).desired == 1  # floating-point noise


# --- Groups


def test_missing_pods_take_all_they_request_when_the_others_ask_for_fewer() -> None:
    # 30 % on three: ratio 0.43. With 100 % for the fourth: 190 / 4 = 47 %; ratio 0.671; x 4 = 2.69.
    assert decide(busy(300, 300, 300, None)).desired == 3
    # 50 % and three at 100 %: 87 % would turn the direction.
    assert decide(busy(500, None, None, None)).desired == 4


def test_missing_pods_take_the_target_itself_where_it_is_above_100_per_cent() -> None:
    # 60 % of a target of 200 %: with 200 % for the other, 130 %; ratio 0.65; x 2 = 1.3.
    # With 100 %: 80 %; ratio 0.4; x 2 = 0.8.
    assert decide(busy(600, None), spec=scaling(cpu(utilization=200))).desired == 2


def test_missing_pods_take_nothing_when_the_others_ask_for_more() -> None:
    # 140 % on two, nothing on the third: 93 %; ratio 1.329; x 3 = 3.99.
    assert decide(busy(1400, 1400, None)).desired == 4
    # 100 % on one, nothing on two: 33 % would turn the direction.
    assert decide(busy(1000, None, None)).desired == 3


def test_pods_that_are_not_ready_take_nothing_when_the_others_ask_for_more() -> None:
    # 140 % on two and one Pending: 93 %; ratio 1.329; x 3 = 3.99.
    assert decide(busy(1400, 1400) + pending(1)).desired == 4
    # Three Pending: 56 % would turn the direction.
    assert decide(busy(1400, 1400) + pending(3)).desired == 5


def test_pods_that_are_not_ready_are_not_counted_at_all_when_the_others_ask_for_fewer() -> None:
    """What makes a slow load and a short scale-down window dangerous together."""
    # 60 % on two: ratio 0.857; x 2 = 1.71. Eight replicas that still load are given up.
    assert decide(busy(600, 600) + pending(8)).desired == 2


def test_pods_that_are_not_ready_change_nothing_within_tolerance() -> None:
    assert decide(busy(700, 700) + pending(8)).desired == 10


def test_missing_and_unready_pods_weigh_together() -> None:
    # 180 % on two, nothing on a missing and a Pending one: 90 %; ratio 1.286; x 4 = 5.14.
    assert decide(busy(1800, 1800, None) + pending(1)).desired == 6


def test_a_change_that_more_pods_than_wanted_would_turn_round_is_none() -> None:
    # Four pods for two wanted. 50 % on three and 100 % supposed: 62 %; ratio 0.886; x 4 = 3.54 is no fewer.
    assert decide(busy(500, 500, 500, None), replicas=2).desired == 2
    # Two pods for five wanted. 200 % on one, nothing on the other: ratio 1.429; x 2 = 2.86 is no more.
    assert decide(busy(2000, None), replicas=5).desired == 5


@pytest.mark.parametrize("gone", [{"leaving": True}, {"phase": "Failed"}])
def test_pods_that_leave_or_failed_count_for_nothing(gone: dict[str, object]) -> None:
    last = Pod(name="last", cpu_millicores=5000)
    assert decide([*busy(700, 700), last], 2).desired == 10  # 213 %; ratio 3.04; x 3 = 9.1
    assert decide([*busy(700, 700), altered(last, gone)], 2).desired == 2


@pytest.mark.parametrize(
    ("pod", "counts"),
    [
        # Within five minutes of its start: Ready, and a whole window of 10 s since it became so.
        ({"started_t": NOW - 299, "ready_changed_t": NOW - 10}, True),
        ({"started_t": NOW - 299, "ready_changed_t": NOW - 9}, False),
        ({"started_t": NOW - 299, "ready": False, "ready_changed_t": NOW - 299}, False),
        ({"started_t": NOW - 299, "ready": False, "ready_changed_t": NOW - 100}, False),
        ({"started_t": NOW - 299, "ready_changed_t": NOW - 15, "sampled_t": NOW - 6}, False),
        # After five minutes: only a pod that never was Ready does not count.
        ({"started_t": NOW - 300, "ready_changed_t": NOW - 9}, True),
        ({"started_t": NOW - 300, "ready_changed_t": NOW - 290}, True),
        ({"started_t": NOW - 300, "ready": False, "ready_changed_t": NOW - 300}, False),
        ({"started_t": NOW - 300, "ready": False, "ready_changed_t": NOW - 271}, False),
        ({"started_t": NOW - 300, "ready": False, "ready_changed_t": NOW - 270}, True),
        ({"started_t": None}, False),
        ({"ready_changed_t": None}, False),
    ],
)
def test_the_cpu_of_a_pod_counts_from_when_it_tells_of_the_load(pod: dict[str, object], counts: bool) -> None:
    starting = altered(Pod(name="starting", cpu_millicores=3000), pod)
    # Counted: 200 % on two; ratio 2.857; x 2 = 5.7. Not counted: 50 % would turn the direction.
    wanted = decide([Pod(name="steady", cpu_millicores=1000), starting]).desired
    assert wanted == (6 if counts else 2)


def test_only_cpu_waits_for_readiness() -> None:
    loading = Pod(name="loading", cpu_millicores=0, ready=False, ready_changed_t=NOW, started_t=NOW)
    metric: dict[str, object] = {"type": "Pods", "name": "queue", "target": {"averageValue": "2"}}
    reading = PerPod({"pod-0": 2000, "loading": 6000})
    assert decide([*busy(0), loading], spec=scaling(metric), readings={0: reading}).desired == 4


def test_a_value_that_is_no_pods_weighs_in_the_mean_and_multiplies_nothing() -> None:
    metric: dict[str, object] = {"type": "Pods", "name": "queue", "target": {"averageValue": "2"}}
    readings: dict[int, Reading] = {0: PerPod({"pod-0": 2000, "gone": 4000})}
    # A mean of 3 on a target of 2: ratio 1.5; x the one pod that is there.
    assert decide(busy(0), spec=scaling(metric), readings=readings).desired == 2


def test_a_value_that_is_no_pods_has_no_request_to_be_held_against() -> None:
    reading = PerPod({"pod-0": 700, "gone": 9000}, {"pod-0": 1000})
    assert decide(busy(700), readings={0: reading}).desired == 1


def test_without_any_pod_no_metric_of_pods_says_anything() -> None:
    metric: dict[str, object] = {"type": "Pods", "name": "queue", "target": {"averageValue": "2"}}
    decision = decide([], replicas=1, spec=scaling(metric), readings={0: PerPod({"gone": 4000})})
    assert (decision.desired, decision.reason) == (1, "MetricsFailed")


# --- Other targets and kinds of metric


@pytest.mark.parametrize(
    ("millicores", "wanted"),
    [([1100, 1100], 2), ([1102, 1102], 3), ([1100, 1101], 2), ([900, 900], 2), ([449, 450], 1)],
)
def test_an_average_of_a_resource_is_cut_to_a_whole_millicore(millicores: list[float], wanted: int) -> None:
    assert decide(busy(*millicores), spec=scaling(cpu(averageValue="1"))).desired == wanted


def test_missing_pods_take_the_average_itself_when_the_others_ask_for_fewer() -> None:
    # 200 m on two of target 1,000 m; the third supposed at target: 466 m; x 3 = 1.4.
    assert decide(busy(200, 200, None), spec=scaling(cpu(averageValue="1"))).desired == 2


@pytest.mark.parametrize(
    ("usage", "wanted"), [(20_000, 2), (22_000, 2), (22_001, 3), (17_999, 2), (9_000, 1)]
)
def test_a_value_for_the_whole_scales_the_ready_pods(usage: int, wanted: int) -> None:
    metric: dict[str, object] = {"type": "External", "name": "queue", "target": {"value": "20"}}
    assert decide(busy(0, 0), spec=scaling(metric), readings={0: Whole(usage)}).desired == wanted


def test_a_value_for_the_whole_counts_pods_that_are_ready_not_those_wanted() -> None:
    metric: dict[str, object] = {"type": "External", "name": "queue", "target": {"value": "20"}}
    unready = Pod(name="unready", cpu_millicores=0, ready=False)
    pods = [*busy(0, 0), *pending(6), unready]
    assert decide(pods, spec=scaling(metric), readings={0: Whole(30_000)}).desired == 3


@pytest.mark.parametrize(
    ("usage", "wanted"), [(44_000, 4), (44_001, 5), (36_000, 4), (35_999, 4), (29_000, 3)]
)
def test_an_average_of_the_whole_is_shared_by_all_pods_that_exist(usage: int, wanted: int) -> None:
    metric: dict[str, object] = {"type": "External", "name": "queue", "target": {"averageValue": "10"}}
    pods = busy(0, 0) + pending(2) + [Pod(name="old", cpu_millicores=0, leaving=True)]
    assert decide(pods, 4, scaling(metric), {0: Whole(usage)}).desired == wanted


def test_an_average_of_the_whole_needs_no_pod() -> None:
    metric: dict[str, object] = {"type": "External", "name": "queue", "target": {"averageValue": "10"}}
    assert decide([], 2, scaling(metric), {0: Whole(25_000)}).desired == 3


def test_memory_is_read_beside_the_pods() -> None:
    memory: dict[str, object] = {"type": "Resource", "name": "memory", "target": {"utilization": 50}}
    reading = PerPod({"pod-0": 800, "pod-1": 800}, {"pod-0": 1000, "pod-1": 1000})
    assert decide(busy(0, 0), spec=scaling(memory), readings={0: reading}).desired == 4
    assert decide(busy(0, 0), spec=scaling(memory)).reason == "MetricsFailed"


def test_the_only_containers_cpu_is_the_pods_and_another_container_has_none() -> None:
    def container(name: str) -> ScalingSpec:
        metric: dict[str, object] = {"type": "ContainerResource", "name": "cpu", "container": name}
        return scaling({**metric, "target": {"utilization": 70}})

    assert decide(busy(1400), spec=container("vllm")).desired == 2
    assert decide(busy(1400), spec=container("sidecar")).failures == (
        "ContainerResource metric cpu: nothing was read of it",
    )


# --- Several metrics

QUEUE: dict[str, object] = {"type": "Pods", "name": "queue", "target": {"averageValue": "2"}}


def queue(*lengths: int) -> dict[int, Reading]:
    return {1: PerPod({f"pod-{place}": length for place, length in enumerate(lengths)})}


def test_of_several_metrics_the_one_that_wants_most_wins() -> None:
    both = scaling(cpu(utilization=70), QUEUE)
    assert decide(busy(1400, 1400), spec=both, readings=queue(2000, 2000)).desired == 4
    assert decide(busy(100, 100), spec=both, readings=queue(5000, 5000)).desired == 5


def test_a_failing_metric_stops_scaling_down_but_not_up() -> None:
    both = scaling(cpu(utilization=70), QUEUE)
    up, steady, down = (decide(busy(load, load), spec=both) for load in (1400, 700, 100))
    assert (up.desired, up.recommendation) == (4, 4)
    assert (steady.desired, steady.reason) == (2, "DesiredWithinRange")
    assert (down.desired, down.recommendation, down.reason) == (2, None, "MetricsFailed")
    assert up.failures == down.failures == ("Pods metric queue: nothing was read of it",)


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ([], "nothing was read of it"),
        (busy(None, None), "nothing was read of it"),
        (pending(2), "nothing was read of it"),
        ([Pod(name="new", cpu_millicores=9, started_t=NOW, ready=False)], "no pod that counts has a value"),
        ([Pod(name="idle", cpu_millicores=9, request_millicores=0)], "pod idle requests none of it"),
    ],
)
def test_where_no_metric_gives_a_number_nothing_changes(pods: list[Pod], why: str) -> None:
    decision = decide(pods, 3)
    assert (decision.desired, decision.reason) == (3, "MetricsFailed")
    assert decision.failures == (f"Resource metric cpu: {why}",)


PODS = st.lists(
    st.builds(
        lambda share, kind: (share, kind),
        st.integers(0, 3000),
        st.sampled_from(["measured", "measured", "missing", "pending", "starting"]),
    ),
    min_size=1,
    max_size=12,
)


@given(PODS, st.floats(0, 4), st.floats(0, 4))
def test_more_load_on_the_same_pods_never_asks_for_fewer(
    pods: list[tuple[int, str]], less: float, more: float
) -> None:
    low, high = sorted((less, more))
    assert decide(_mixed(pods, low)).desired <= decide(_mixed(pods, high)).desired


def _mixed(pods: list[tuple[int, str]], load: float) -> list[Pod]:
    made = []
    for place, (share, kind) in enumerate(pods):
        pod = Pod(name=f"pod-{place}", cpu_millicores=share * load)
        changes: dict[str, dict[str, object]] = {
            "measured": {},
            "missing": {"cpu_millicores": None},
            "pending": {"phase": "Pending", "cpu_millicores": None},
            "starting": {"started_t": NOW, "ready": False},
        }
        made.append(altered(pod, changes[kind]))
    return made


@pytest.mark.parametrize(
    ("quantity", "thousandths"),
    [("8", 8000), ("500m", 500), ("1.5", 1500), ("0.0001", 1), ("2k", 2_000_000), ("1Ki", 1_024_000)],
)
def test_quantities_are_whole_thousandths_rounded_up(quantity: str, thousandths: int) -> None:
    assert milli(quantity) == thousandths


def test_a_nano_unit_counts_and_less_does_not() -> None:
    assert (whole_milli(1.000001), whole_milli(1.0000001), whole_milli(2)) == (2, 1, 2)
