"""``fleet catalog``: every row, with a price and its date, as a table and as JSON."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from elastic_vllm import catalog
from fleet.cli.main import app


def listed(*arguments: str) -> Any:  # Any: JSON
    shown = CliRunner().invoke(app, ["catalog", *arguments, "--format", "json"])
    assert shown.exit_code == 0
    return json.loads(shown.stdout)


def test_every_checkpoint_is_listed() -> None:
    assert [row["checkpoint"] for row in listed("checkpoints")] == list(catalog.models())


def test_every_machine_is_listed_with_its_price_region_and_date() -> None:
    rows = {row["machine"]: row for row in listed("machines")}
    assert rows.keys() == {*catalog.machines("aws"), *catalog.machines("gcp")}
    known = catalog.machines("aws")["g6.xlarge"]
    assert (rows["g6.xlarge"]["usdPerHour"], rows["g6.xlarge"]["asOf"]) == (
        known.usd_per_hour,
        str(known.as_of),
    )
    assert rows["a4-highgpu-8g"]["usdPerHour"] is None


def test_one_clouds_machines_alone() -> None:
    assert {row["cloud"] for row in listed("machines", "--cloud", "gcp")} == {"gcp"}
    offered = {row["accelerator"] for row in listed("accelerators", "--cloud", "gcp")}
    assert offered == {row.accelerator for row in catalog.machines("gcp").values()}


def test_an_accelerators_cheapest_machine_is_named_for_each_cloud() -> None:
    (l4,) = [row for row in listed("accelerators") if row["accelerator"] == "l4"]
    assert (l4["aws"], l4["gcp"]) == (
        "g6.xlarge 0.80 USD/h (2026-07-20)",
        "g2-standard-4 0.71 USD/h (2026-11-23)",
    )


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("checkpoints", "Qwen3-VL-32B-Thinking"), ("accelerators", "FP8"), ("machines", "unknown")],
)
def test_the_tables_read(kind: str, cell: str) -> None:
    shown = CliRunner().invoke(app, ["catalog", kind])
    assert shown.exit_code == 0
    assert cell in shown.output


def test_a_cloud_that_is_not_known_is_refused() -> None:
    assert CliRunner().invoke(app, ["catalog", "machines", "--cloud", "azure"]).exit_code == 2
