"""Karpenter here and on EKS: what the embedded cluster proves holds there, or the table says why not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from elastic_vllm.clouds.aws.autoscaler import chart_values
from elastic_vllm.spec import AwsCluster
from elastic_vllm.testing.values import mapping
from fleet.embedded import addons, binaries
from fleet.embedded.layout import Layout

TABLE = yaml.safe_load((Path(__file__).parents[1] / "meanings" / "embedded_beside_eks.yaml").read_text())
SPEC = AwsCluster(cloud="aws", region="eu-west-1")
ROWS = TABLE["settings"]


def flags(command: tuple[str, ...]) -> Mapping[str, str]:
    """A command's flags; feature gates one by one."""
    found: dict[str, str] = {}
    for word in command[1:]:
        name, _, value = word.removeprefix("--").partition("=")
        if name == "feature-gates":
            found |= {
                f"{name}.{gate}": on for gate, _, on in (each.partition("=") for each in value.split(","))
            }
        else:
            found[name] = value
    return found


def leaves(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Every value by its dotted path."""
    found: dict[str, object] = {}
    for key, value in values.items():
        nested = (
            leaves(mapping(value), f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
        found |= nested
    return found


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    monkeypatch.setattr(binaries, "path", lambda name: tmp_path / name)
    (karpenter,) = [one for one in addons.processes(Layout(tmp_path)) if one.name == "karpenter"]
    return flags(karpenter.command)


@pytest.fixture
def eks() -> Mapping[str, object]:
    values: Any = chart_values("cluster", "queue", SPEC)
    environment = {f"controller.env.{item['name']}": item["value"] for item in values["controller"]["env"]}
    return {**leaves(values["settings"]), **environment}


def test_every_setting_is_in_the_table(embedded: Mapping[str, str], eks: Mapping[str, object]) -> None:
    assert set(embedded) <= {row["flag"] for row in ROWS if "flag" in row}
    assert set(eks) <= {row["chart"] for row in ROWS if "chart" in row}


def test_each_setting_is_the_same_on_both_or_explained(
    embedded: Mapping[str, str], eks: Mapping[str, object]
) -> None:
    for row in ROWS:
        if {"flag", "chart"} <= set(row):
            here = embedded.get(row["flag"], str(row["builtin"]))
            there = eks.get(row["chart"], row["default"])
            assert (here.lower() == str(there).lower()) != ("why" in row), row
        else:
            assert row["why"], row
