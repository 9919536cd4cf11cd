"""The table of cold starts: its parts are the catalogue's, and each measure spares what it is for."""

import pytest
from typer.testing import CliRunner

from elastic_vllm import catalog
from elastic_vllm.spec import AwsCluster
from fleet.cli.main import app
from fleet.drill.coldstart import table
from fleet.errors import FleetError
from tests.manifests import model

L4 = catalog.machine_for("aws", "l4", 1, "g6.4xlarge")
AWS = AwsCluster(cloud="aws", region="eu-central-1")
ROWS = table(model(), L4, AWS)


def test_without_a_measure_it_is_boot_pull_start_and_a_read_file_after_file() -> None:
    gigabytes = catalog.models()[model().checkpoint].weights_gb
    parts = (
        catalog.timing("aws").boot_seconds,
        catalog.timing("aws").image_pull_seconds,
        catalog.engine_seconds("l4", 1),
        gigabytes / catalog.loading().read_gb_per_second,
    )
    assert ROWS["none"].seconds == pytest.approx(sum(parts))


def test_with_warm_headroom_it_is_the_load_alone() -> None:
    assert ROWS["warm headroom"].seconds == pytest.approx(ROWS["none"].load)


def test_each_measure_spares_time_in_its_own_part_and_all_spare_most() -> None:
    plain = ROWS["none"]
    for measure, part in (
        ("image on the node", "image"),
        ("weights streamed", "weights"),
        ("compile cache kept", "engine"),
        ("warm headroom", "boot"),
    ):
        assert getattr(ROWS[measure], part) < getattr(plain, part)
        assert ROWS["all of them"].seconds < ROWS[measure].seconds < plain.seconds


def test_streaming_spares_nothing_where_the_network_is_slower_than_a_volume() -> None:
    rows = table(model(), catalog.machine_for("aws", "l4", 1, "g6.xlarge"), AWS)
    assert rows["weights streamed"].weights == rows["none"].weights > ROWS["none"].weights


def test_the_last_row_is_the_stacks_own() -> None:
    assert ROWS["this stack"] == ROWS["weights streamed"]
    kept = {"compileCache": {"storageClass": "efs"}}
    everything = table(
        model(engine=kept, headroom=1), L4, AWS.model_copy(update={"image_snapshot": "snap-0123"})
    )
    assert everything["this stack"] == everything["all of them"]


def test_the_command_prints_each_model_and_says_what_is_assumed() -> None:
    shown = CliRunner().invoke(app, ["cold-start", "--stack", "aws-prod"])
    assert shown.exit_code == 0
    for word in ("chat:", "expert:", "warm headroom", "assumed"):
        assert word in shown.output


def test_a_model_that_is_not_there_is_refused_with_those_that_are() -> None:
    result = CliRunner().invoke(app, ["cold-start", "--model", "none-such"])
    assert isinstance(result.exception, FleetError)
    assert "chat" in result.exception.next_step
