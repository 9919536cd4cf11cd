"""The measure that holds a forecast against a drill can tell them apart."""

from dataclasses import replace

import pytest

from elastic_vllm.simulate.forecast import Outcome, Reached
from elastic_vllm.simulate.timeline import Run
from tests import drills, forecasts
from tests.side_by_side import Agreement, compare


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """A forecast that says exactly what the sample drill did."""
    made = forecasts.outcome(forecasts.stack(), (drills.DURATION, 0.5))
    return replace(
        made,
        rise_t=0.0,
        changes=drills.CHANGES,
        reached=tuple(Reached(k, t) for k, t in drills.READY.items()),
        registered_gpu_hours=2 / 3600,
    )


def agreement(outcome: Outcome) -> Agreement:
    quiet = drills.second(10, nodes={"g6.xlarge": 1})
    run: Run = drills.drill(seconds=(quiet, drills.second(20)))
    return compare(run, outcome, gpus=1)


def test_what_is_the_same_agrees(outcome: Outcome) -> None:
    found = agreement(outcome)
    assert (found.seconds_apart, found.latest, found.gpu_hours_apart) == (0, 0, 0)


@pytest.mark.parametrize(("late", "apart"), [(15, 0), (16, 1), (20, 5)])
def test_a_step_may_come_one_sync_period_late_and_not_a_second_more(
    outcome: Outcome, late: int, apart: int
) -> None:
    first, *others = outcome.changes
    moved = replace(outcome, changes=(first.model_copy(update={"t": first.t + late}), *others))
    assert agreement(moved).seconds_apart == apart


def test_a_replica_that_the_drill_never_had_is_no_agreement(outcome: Outcome) -> None:
    more = replace(outcome, reached=(*outcome.reached, Reached(6, 110.0)))
    assert not agreement(more).latest <= 0.1


def test_gpu_hours_are_a_share_of_the_drills(outcome: Outcome) -> None:
    assert agreement(replace(outcome, registered_gpu_hours=2.2 / 3600)).gpu_hours_apart == pytest.approx(0.1)
