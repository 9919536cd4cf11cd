"""EKS's add-ons on our nodes: every DaemonSet of theirs runs there, and no monitor of theirs ends a node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from elastic_vllm.clouds.aws.autoscaler import chart_values
from elastic_vllm.clouds.gpu_node import GPU_TAINT
from elastic_vllm.spec import AwsCluster
from tests.aws import MANAGED, execute, recorded
from tests.manifests import inputs

MEANINGS = yaml.safe_load((Path(__file__).parents[1] / "meanings" / "aws_addons.yaml").read_text())
SPEC = AwsCluster(cloud="aws", region="eu-west-1")
DAEMONSETS = [row for row in MEANINGS if "daemonset" in row]


def installed() -> Mapping[str, Mapping[str, Any]]:
    """The configuration of each add-on, by its name."""
    graph = recorded("aws-prod")
    found = [inputs(graph, item.name) for item in graph.of_type("aws:eks/addon:Addon")]
    return {item["addonName"]: json.loads(item.get("configurationValues") or "{}") for item in found}


def tolerates(toleration: Mapping[str, str]) -> bool:
    """Whether it covers our taint, by Kubernetes' rule."""
    key, effect = toleration.get("key"), toleration.get("effect")
    return (
        (key == GPU_TAINT["key"] or (key is None and toleration.get("operator") == "Exists"))
        and effect in (None, GPU_TAINT["effect"])
        and (toleration.get("operator") == "Exists" or toleration.get("value") == GPU_TAINT["value"])
    )


def test_the_table_knows_every_addon_that_we_install() -> None:
    assert {row["addon"] for row in MEANINGS} == set(installed())
    assert all(row["source"] and row["date"] for row in MEANINGS)


@pytest.mark.parametrize("row", DAEMONSETS, ids=lambda row: row["daemonset"])
def test_every_daemonset_of_an_addon_runs_on_gpu_nodes(row: Mapping[str, Any]) -> None:
    asked: Any = installed()[row["addon"]]
    for key in row.get("key", ["nothing replaces it"]):
        asked = asked.get(key, {})
    assert any(tolerates(each) for each in asked or row["tolerates"])


def test_no_gpu_node_is_deleted_by_what_a_monitor_says() -> None:
    settings: Any = chart_values("c", "q", SPEC)["settings"]
    assert not settings["featureGates"].get("nodeRepair", False)
    managed = execute("aws-dev", cluster=MANAGED)
    assert inputs(managed, "l4-nodes")["nodeRepairConfig"] == {"enabled": False}
