"""What real autoscalers decided, replayed through the model. See ``tests/slow/test_hpa_differential.py``."""

from typing import get_args

import pytest

from elastic_vllm.simulate.hpa import Hpa, Rules, Tolerance
from elastic_vllm.simulate.hpa.algorithm import Reason
from elastic_vllm.spec import ScalingSpec
from tests.differential import trace
from tests.differential.trace import Recorded


@pytest.fixture(scope="module")
def recorded() -> list[Recorded]:
    return trace.read(trace.PATH)


def test_every_recorded_decision_is_the_models(recorded: list[Recorded]) -> None:
    different = [line for one in recorded for line in trace.differences(one)]
    assert not different, "\n".join(different[:20])


def test_the_recording_shows_every_reason_and_every_kind_of_metric(recorded: list[Recorded]) -> None:
    reasons = {decision.reason for one in recorded for _, decision in trace.replay(one)}
    disabled = {"ScalingDisabled"}  # at no replicas the controller asks for nothing, so nothing is seen
    assert (
        reasons
        == {reason for member in get_args(Reason) for reason in get_args(member) or (member,)} - disabled
    )
    kinds = {kind for one in recorded for kind in trace.kinds(one).split(", ")}
    assert len(kinds) == 10


def test_a_model_with_another_tolerance_would_be_found_out(
    recorded: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Rules(tolerance=Tolerance(up=0.15))

    def other(scaling: ScalingSpec, least: int, most: int) -> Hpa:
        return Hpa(scaling, least, most, wrong)

    monkeypatch.setattr(trace, "Hpa", other)
    assert any(True for one in recorded for _ in trace.differences(one))
