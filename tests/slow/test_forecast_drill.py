"""The forecast beside the drill: three policies under one step, by the real controllers and simulated."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fleet.cli.drill import perform
from fleet.cli.stack import ROOT, Printer
from fleet.drill import scenario
from fleet.drill.rest import await_no_nodes
from fleet.drill.staging import Stage, stage
from fleet.drill.timeline import Happening, Run, Second
from fleet.embedded import engine
from fleet.embedded.apiserver import connect
from fleet.embedded.cluster.layout import Layout
from fleet.embedded.engine.program import StackRef, stack_ref
from fleet.plan.forecast import Conditions, simulate
from stacks import config as stack_config
from tests.side_by_side import Agreement, compare, periods_of

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


class Silent:
    """A listener that hears nothing."""

    def update(self, second: Second, happenings: list[Happening]) -> None:
        pass


def sections() -> dict[str, Any]:
    """The local stack with a model and a pool for each policy."""
    local: dict[str, Any] = stack_config.read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml")
    (model,), (pool,) = local["models"], local["pools"]
    models = [
        model | {"name": name, "pool": name, "scaling": scaling, "replicas": {"min": 1, "max": 6}}
        for name, scaling in POLICIES.items()
    ]
    return local | {
        "namespace": "beside",
        "cluster": local["cluster"] | {"compression": COMPRESSION},
        "models": models,
        "pools": [pool | {"name": name, "maxNodes": 6} for name in POLICIES],
    }


def staged(ref: StackRef, name: str) -> Stage:
    return stage(ref, stack_config.parse(sections()), name, COMPRESSION)


def drilled(ref: StackRef, name: str) -> Run:
    return perform(staged(ref, name), scenario.parse(PLAY, "beside"), Silent())


def side_by_side(run: Run) -> Agreement:
    """The forecast of what was drilled, under its scenario, and how far the two are apart."""
    config = stack_config.parse(sections())
    model = next(model for model in config.models if model.name == run.model)
    conditions = Conditions.of(config, model, compression=COMPRESSION)
    conditions = replace(conditions, periods=periods_of(run, conditions.periods))
    play = scenario.parse(PLAY, "beside")
    outcome = simulate(conditions, play, conditions.load_model(play.mix))
    return compare(run, outcome, conditions.machine.gpus)


@pytest.fixture(scope="module")
def runs(cluster: Layout) -> Iterator[Mapping[str, Run]]:
    plain = stack_ref("local", root=ROOT, kubeconfig=cluster.kubeconfig, home=cluster.root)
    config = {
        f"elastic-vllm:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in sections().items()
    }
    ref = staged(replace(plain, name="beside", config=config), "seed").ref
    engine.up(ref, reporter=Printer(unchanged=False))
    with ThreadPoolExecutor(len(POLICIES)) as pool:
        futures = {name: pool.submit(drilled, ref, name) for name in POLICIES}
        yield {name: future.result() for name, future in futures.items()}
    engine.destroy(ref, reporter=Printer(unchanged=False))
    await_no_nodes(connect(cluster.kubeconfig), list(POLICIES))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_forecast_agrees_with_the_drill(runs: Mapping[str, Run], policy: str) -> None:
    agreement = side_by_side(runs[policy])
    print(f"\n{policy}: {agreement}")
    assert agreement.seconds_apart == 0, agreement
    assert agreement.latest <= 0.10, agreement
    assert agreement.gpu_hours_apart <= 0.05, agreement
