"""Startup budgets: wide, in whole probe periods, larger for larger models, and everything else follows."""

import pytest

from elastic_vllm import catalog
from elastic_vllm.vllm import startup
from elastic_vllm.vllm.deployment import deployment_spec
from elastic_vllm.vllm.pod import template
from tests.manifests import FP8_8B, L4, LARGEST, model, plain


@pytest.mark.parametrize("checkpoint", catalog.models())
def test_a_budget_covers_the_prediction_three_times_over(checkpoint: str) -> None:
    budget = startup.budget_seconds(model(checkpoint=checkpoint), "l4")
    load = catalog.engine_seconds("l4", 1) + catalog.weights_seconds(checkpoint)
    assert budget >= 3 * load
    assert budget >= 300
    assert budget % startup.PROBE_PERIOD_SECONDS == 0


def test_a_larger_model_gets_a_larger_budget_and_a_longer_probe() -> None:
    small, large = model(checkpoint=FP8_8B), model(checkpoint=LARGEST, gpusPerReplica=8)
    assert startup.budget_seconds(large, "l4") > startup.budget_seconds(small, "l4")
    failures = [
        plain(template(spec, L4, {}))["spec"]["containers"][0]["startup_probe"]["failure_threshold"]
        for spec in (small, large)
    ]
    assert failures[1] > failures[0]


def test_the_startup_probe_waits_exactly_the_budget() -> None:
    spec = model(checkpoint=LARGEST, gpusPerReplica=8)
    probe = plain(template(spec, L4, {}))["spec"]["containers"][0]["startup_probe"]
    assert probe["period_seconds"] * probe["failure_threshold"] == startup.budget_seconds(spec, "l4")


def test_vllm_does_not_give_up_before_the_probe_does() -> None:
    assert startup.engine_ready_seconds(2_000) == 2_000


def test_vllms_own_patience_is_never_shortened() -> None:
    assert startup.engine_ready_seconds(300) == 600


def test_a_rollout_may_stand_still_for_a_node_and_a_load() -> None:
    spec = model()
    budget = startup.budget_seconds(spec, "l4")
    built = plain(deployment_spec(spec, template(spec, L4, {}), budget))
    assert built["progress_deadline_seconds"] > budget + startup.NODE_ALLOWANCE_SECONDS
    assert built["progress_deadline_seconds"] > built["min_ready_seconds"] + budget


def test_pulumi_waits_for_the_minimum_of_replicas_one_after_the_other() -> None:
    one, three = model(), model(replicas={"min": 3, "max": 10})
    assert startup.rollout_seconds(three, 300) == 3 * startup.rollout_seconds(one, 300)
    assert startup.rollout_seconds(one, 300) == startup.progress_deadline_seconds(300)
