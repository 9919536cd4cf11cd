"""The table of cold starts: its parts are the catalogue's, and each measure spares what it is for."""

import pytest
from typer.testing import CliRunner

from components import catalog
from fleet.cli.main import app
from fleet.drill.coldstart import table
from fleet.errors import FleetError
from tests.manifests import FP8_8B, model, pool

ROWS = {row.measure: row for row in table(model(), pool(), "aws")}


def test_without_a_measure_it_is_boot_pull_and_the_predicted_load() -> None:
    load = catalog.load_seconds(FP8_8B, "l4", 1)
    expected = catalog.boot_seconds("aws") + catalog.image_pull_seconds("aws") + load
    assert ROWS["none"].ready == pytest.approx(expected)


def test_with_warm_headroom_it_is_the_load_alone() -> None:
    assert ROWS["warm headroom"].ready == pytest.approx(catalog.load_seconds(FP8_8B, "l4", 1))


def test_each_measure_spares_time_in_its_own_part_and_all_spare_most() -> None:
    plain = ROWS["none"]
    for measure, part in (
        ("image on the node", "image"),
        ("weights streamed", "weights"),
        ("compile cache kept", "engine"),
        ("warm headroom", "node"),
    ):
        assert getattr(ROWS[measure], part) < getattr(plain, part)
        assert ROWS["all of them"].ready < ROWS[measure].ready < plain.ready


def test_the_command_prints_each_model_and_says_what_is_assumed() -> None:
    shown = CliRunner().invoke(app, ["cold-start", "--stack", "aws-prod"])
    assert shown.exit_code == 0
    for word in ("chat:", "expert:", "warm headroom", "assumed"):
        assert word in shown.output


def test_a_model_that_is_not_there_is_refused_with_those_that_are() -> None:
    result = CliRunner().invoke(app, ["cold-start", "--model", "none-such"])
    assert isinstance(result.exception, FleetError)
    assert "chat" in result.exception.next_step
