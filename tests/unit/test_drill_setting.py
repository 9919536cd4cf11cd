"""How long a stack takes to give everything back, by its own windows."""

from elastic_vllm import catalog
from fleet.drill.rest import patience_seconds
from fleet.drill.setting import SLACK_SECONDS, Setting
from tests.drills import scenario
from tests.manifests import GROUP, model

DRAIN: dict[str, object] = {"drain": {"propagationSeconds": 20, "finishSeconds": 50}}
THREE: dict[str, object] = {"replicas": {"min": 1, "max": 3}}
CALM = 300 + 60 + 15
"""The seed's window, a minute between two that go, and a sync."""
OWN = CALM + 45 + 20 + SLACK_SECONDS


def setting(**keys: object) -> Setting:
    return Setting(
        stack="mine",
        namespace="inference",
        model=model(**DRAIN, **(THREE | keys)),
        machine=catalog.machine_for("aws", "l4", 1),
        usd_per_node_hour=0.8,
        node_autoscaler="Karpenter",
        boot_seconds=1,
        load_seconds=1,
        compression=1,
        consolidate_after_seconds=45,
    )


def test_all_is_given_back_when_policy_drain_and_consolidation_are_over() -> None:
    assert setting().give_back_seconds == OWN


def test_a_groups_other_nodes_are_held_for_a_drain_more() -> None:
    assert setting(**GROUP).give_back_seconds == OWN + 20 + 50


def test_nobody_waits_for_a_policy_that_never_scales_down() -> None:
    never = {"scaling": {"scaleDown": {"selectPolicy": "Disabled"}}}
    assert setting(**never).give_back_seconds == OWN - CALM


def test_a_drill_waits_so_long_unless_its_scenario_says_otherwise() -> None:
    assert patience_seconds(scenario(None), setting()) == OWN
    assert patience_seconds(scenario(7), setting()) == 7
