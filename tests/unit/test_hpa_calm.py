"""How long a policy takes to come down, worked out by hand."""

import math

import pytest

from elastic_vllm.simulate.hpa import calm_seconds
from elastic_vllm.spec import ScalingSpec

SEED = ScalingSpec.model_validate({})


def down(**keys: object) -> ScalingSpec:
    return ScalingSpec.model_validate({"scaleDown": keys})


@pytest.mark.parametrize(
    ("scaling", "most", "seconds"),
    [
        # The first may go at 300 s, and one every 60 s; a sync later the last is seen to be asked for.
        pytest.param(SEED, 2, 300 + 15, id="one"),
        pytest.param(SEED, 4, 300 + 2 * 60 + 15, id="one a minute"),
        pytest.param(SEED, 1, 0, id="nothing to give back"),
        pytest.param(
            down(stabilizationWindowSeconds=0, policies=[{"type": "Pods", "value": 9, "periodSeconds": 15}]),
            10,
            15,
            id="at once",
        ),
        pytest.param(down(selectPolicy="Disabled"), 2, math.inf, id="never"),
    ],
)
def test_a_policy_comes_down_as_its_window_and_its_steps_say(
    scaling: ScalingSpec, most: int, seconds: float
) -> None:
    assert calm_seconds(scaling, 1, most) == seconds
