"""What the charts of a drill are made of: series read from the record, axes, colours for every eye."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic_vllm.simulate.timeline import Run
from fleet.drill.report.axes import linear_ticks, log_ticks
from fleet.drill.report.panels import COLOURS, Panel, panels, phases, values
from tests import drill_sample


@pytest.fixture(scope="module")
def run() -> Run:
    return drill_sample.run()


def test_a_series_is_read_from_the_record_with_its_gaps(run: Run) -> None:
    every = {series.label: values(run, series) for panel in panels(run) for series in panel.series}
    assert every["P99"] == [second.ttft_p99 for second in run.seconds]
    assert every["P99"][:2] == [None, None]
    assert every["g6e.xlarge"] == [second.nodes.get("g6e.xlarge", 0) for second in run.seconds]
    assert every["mean of 5 s"][9] == sum(second.offered_rps for second in run.seconds[5:10]) / 5


def test_a_machine_type_counts_as_zero_before_its_first_node() -> None:
    run = drill_sample.run(machines=("g6e.xlarge", "g6e.2xlarge"))
    nodes = next(panel for panel in panels(run) if panel.title == "Nodes")
    second_kind = values(run, nodes.series[0])
    assert nodes.series[0].label == "g6e.2xlarge"
    assert second_kind[0] == 0
    assert max(one for one in second_kind if one is not None) == 5


def test_the_slo_and_the_most_replicas_are_levels_in_their_charts() -> None:
    limits = {
        each.title: each.limit for each in panels(drill_sample.run(ttft_slo_seconds=1.5, max_replicas=3))
    }
    assert limits["Time to first token"] == (1.5, "SLO 1.5 s")
    assert limits["Replicas"] == (3, "max 3")


def test_phases_follow_each_other_without_a_gap(run: Run) -> None:
    found = [(one.name, one.begins, one.ends) for one in phases(run)]
    assert found == [("ramp", 0.0, 150.0), ("peak", 150.0, 250.0), ("trough", 250.0, 370.0)]


@given(st.just(0.0) | st.floats(1e-6, 1e6), st.integers(2, 6), st.booleans())
def test_a_linear_axis_ends_at_the_first_round_number_above_all_values(
    top: float, most: int, whole: bool
) -> None:
    ticks = linear_ticks(top, most, whole=whole)
    assert ticks[0] == 0
    assert ticks[-1] >= top * (1 - 1e-6)
    assert ticks[:-1] == [0] or ticks[-2] < (top or 1)
    assert len(ticks) <= most + 2
    assert not whole or all(tick == int(tick) for tick in ticks)


@given(st.lists(st.floats(1e-3, 1e4), max_size=9))
def test_a_logarithmic_axis_holds_all_values(seen: list[float]) -> None:
    ticks = log_ticks(seen)
    assert len(ticks) >= 2
    assert ticks == sorted(ticks)
    assert all(ticks[0] <= value * 1.001 and value * 0.999 <= ticks[-1] for value in seen)


# Colour vision without red and without green cones, Machado, Oliveira and Fernandes 2009, full severity.
SIGHTS = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


def seen_as(colour: str, sight: str) -> list[float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [row[0] * red + row[1] * green + row[2] * blue for row in SIGHTS[sight]]


def stacked() -> list[Panel]:
    run = drill_sample.run(machines=("g6e.xlarge", "g6e.2xlarge"))
    return [panel for panel in panels(run) if len(panel.series) > 1]


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_colours_of_a_chart_stay_apart_for_every_eye(sight: str, theme: int) -> None:
    for panel in stacked():
        for one, other in combinations(panel.series, 2):
            if one.shape != other.shape:
                continue
            pair = (seen_as(COLOURS[each.colour][theme], sight) for each in (one, other))
            apart = sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5
            assert apart > 0.25, (panel.title, one.label, other.label, apart)
