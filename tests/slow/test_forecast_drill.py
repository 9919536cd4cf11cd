"""The forecast beside the drill: three policies under one step, by the real controllers and simulated."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.forecast import Conditions, simulate
from elastic_vllm.simulate.forecast.mean_replica import MeanReplica
from elastic_vllm.simulate.timeline import Run
from elastic_vllm.stack_file import config as stack_config
from fleet.embedded.layout import Layout
from tests.side_by_side import Agreement, compare, periods_of
from tests.slow.drills import deployed, local

pytestmark = pytest.mark.slow

COMPRESSION = 1
"""Real time: compressed, a wave of replicas takes a few sync periods, and one that comes three seconds late
may be asked on a whole period later."""
PLAY = {
    "name": "beside",
    "description": "Three replicas' worth at once, and nothing at all afterwards.",
    "compression": COMPRESSION,
    "seed": 11,
    "mix": {"text": 0.7, "one-image": 0.25, "several-images": 0.05},
    "phases": [
        {"name": "calm", "seconds": 20, "load": 0.0},
        {"name": "step", "seconds": 1050, "load": 3.0},
        {"name": "trough", "seconds": 330, "load": 0.0},
    ],
    "settleSeconds": 60,
}


def _pods(value: int, seconds: int) -> dict[str, object]:
    return {"type": "Pods", "value": value, "periodSeconds": seconds}


POLICIES: Mapping[str, dict[str, object]] = {
    "seed": {"preset": "seed"},
    "faster-up": {
        "scaleUp": {
            "policies": [_pods(4, 15), {"type": "Percent", "value": 100, "periodSeconds": 15}],
            "selectPolicy": "Max",
        },
        "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [_pods(2, 30)]},
    },
    "slow-down": {"scaleDown": {"stabilizationWindowSeconds": 120, "policies": [_pods(1, 90)]}},
}


SECTIONS = local(
    "beside",
    {name: {"scaling": scaling, "replicas": {"min": 1, "max": 6}} for name, scaling in POLICIES.items()},
    max_nodes=6,
    compression=COMPRESSION,
)
"""The local stack with a model and a pool for each policy."""


def side_by_side(run: Run) -> Agreement:
    """The forecast of what was drilled, under its scenario, and how far the two are apart."""
    config = stack_config.parse(SECTIONS)
    model = next(model for model in config.models if model.name == run.model)
    conditions = Conditions.of(config, model, compression=COMPRESSION)
    conditions = replace(conditions, periods=periods_of(run, conditions.periods))
    play = scenario.parse(PLAY, "beside")
    outcome = simulate(conditions, play, MeanReplica.of(conditions.load_model(play.mix)))
    return compare(run, outcome, conditions.machine.gpus)


@pytest.fixture(scope="module")
def runs(cluster: Layout) -> Iterator[Mapping[str, Run]]:
    with deployed(cluster, SECTIONS, COMPRESSION) as drill:
        yield drill(dict.fromkeys(POLICIES, scenario.parse(PLAY, "beside")))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_forecast_agrees_with_the_drill(runs: Mapping[str, Run], policy: str) -> None:
    agreement = side_by_side(runs[policy])
    print(f"\n{policy}: {agreement}")
    assert agreement.seconds_apart == 0, agreement
    assert agreement.latest <= 0.10, agreement
    assert agreement.gpu_hours_apart <= 0.05, agreement
