"""Courses of values as one line."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.sparkline import sparkline


@given(st.lists(st.floats(0, 1e4), max_size=300), st.integers(1, 120))
def test_a_sparkline_is_never_wider_than_its_room(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(width, len(values))


def test_a_sparkline_shows_nothing_as_its_lowest_and_the_most_as_its_highest_bar() -> None:
    assert sparkline([0.0, 4.0, 8.0], 10) == "▁▅█"
    assert sparkline([0.0, 0.0], 10) == "▁▁"
    assert sparkline([0.0] * 50 + [2.0] * 50, 4) == "▁▁██"


def test_a_sparkline_may_share_its_scale_with_another() -> None:
    assert sparkline([0.0, 4.0], 10, 8.0) == "▁▅"
    assert sparkline([0.0, 9.0], 10, 8.0) == "▁█"
