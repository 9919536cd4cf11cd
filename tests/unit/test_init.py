"""``fleet init``: what it writes can be planned as it is, and nothing that exists is overwritten."""

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from elastic_vllm import catalog, rules
from elastic_vllm.catalog import CloudName
from elastic_vllm.stack_file.files import read_stack_file
from elastic_vllm.stack_file.parsing import parse
from fleet.cli.init import PROGRAM
from fleet.cli.main import app
from fleet.errors import FleetError
from fleet.plan.document import Plan
from tests.plans import ROOT

SMALL, MIDDLE, LARGE = (
    "Qwen/Qwen3-VL-2B-Instruct",
    "Qwen/Qwen3-VL-8B-Instruct-FP8",
    "Qwen/Qwen3-VL-235B-A22B-Instruct-FP8",
)
CLOUDS = {"aws": (), "gcp": ("--project", "acme-inference"), "local": ()}
TODAY = date(2026, 11, 25)


def init(folder: Path, cloud: str, checkpoint: str, *options: str, name: str = "mine") -> Result:
    given = ["--cloud", cloud, "--checkpoint", checkpoint, *CLOUDS[cloud], *options]
    return CliRunner().invoke(app, ["-C", str(folder), "init", name, *given])


def refused(result: Result) -> str:
    assert isinstance(result.exception, FleetError | ValueError), result.output
    return str(result.exception)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("checkpoint", [SMALL, MIDDLE, LARGE])
def test_what_it_writes_has_no_error_and_no_warning(tmp_path: Path, cloud: str, checkpoint: str) -> None:
    assert init(tmp_path, cloud, checkpoint).exit_code == 0
    config = parse(read_stack_file(tmp_path / "Pulumi.mine.yaml"))
    assert (config.cluster.cloud, config.models[0].checkpoint) == (cloud, checkpoint)
    assert [item for item in rules.findings(config, TODAY) if item.severity != "info"] == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_new_project_can_be_planned_at_once(tmp_path: Path, cloud: str) -> None:
    init(tmp_path, cloud, MIDDLE)
    shown = CliRunner().invoke(app, ["-C", str(tmp_path), "plan", "--format", "json", "--strict"])
    assert shown.exit_code == 0, shown.output
    plan = Plan.model_validate(json.loads(shown.stdout))
    assert [model.name for model in plan.models] == ["chat"]
    assert "Cluster cluster" in {item.component for item in plan.resources}


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_the_machine_is_the_cheapest_that_holds_the_checkpoint(tmp_path: Path, cloud: CloudName) -> None:
    init(tmp_path, cloud, MIDDLE)
    (pool,) = parse(read_stack_file(tmp_path / "Pulumi.mine.yaml")).pools
    cheapest = min(catalog.machines(cloud).values(), key=lambda row: row.usd_per_hour or 1e9)
    assert pool.machine == cheapest.name  # of all: it has a GPU of 24 GB


def test_accelerator_and_region_are_the_users_to_choose(tmp_path: Path) -> None:
    init(tmp_path, "aws", MIDDLE, "--accelerator", "l40s", "--region", "eu-central-1")
    config = parse(read_stack_file(tmp_path / "Pulumi.mine.yaml"))
    assert config.pools[0].accelerator == "l40s"
    assert config.cluster.region == "eu-central-1"  # type: ignore[union-attr]  # of AWS, by the above


@pytest.mark.parametrize(
    ("cloud", "checkpoint", "options", "problem"),
    [
        ("aws", "Qwen/Qwen3-VL-8B-Instruct-FP9", (), "did you mean Qwen/Qwen3-VL-8B-Instruct-FP8?"),
        ("aws", SMALL, ("--accelerator", "l4x"), "unknown accelerator 'l4x'; did you mean l4?"),
        ("aws", LARGE, ("--accelerator", "l4"), f"no machine of aws with l4 holds {LARGE}"),
        ("aws", SMALL, ("--region", "europe-west4"), "cluster.region"),
        ("aws", SMALL, ("--project", "acme"), "--project is for Google Cloud"),
        ("local", SMALL, ("--region", "eu-west-1"), "a local stack has no region"),
        ("gcp", SMALL, ("--project", ""), "a stack on Google Cloud needs a project"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, cloud: str, checkpoint: str, options: tuple[str, ...], problem: str
) -> None:
    assert problem in refused(init(tmp_path, cloud, checkpoint, *options))
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("mine\n")
    init(tmp_path, "local", SMALL)
    before = {path: path.read_text() for path in tmp_path.iterdir()}
    assert "exists already" in refused(init(tmp_path, "aws", LARGE))
    assert init(tmp_path, "aws", SMALL, name="other").exit_code == 0
    assert {path: path.read_text() for path in before} == before
    assert before[tmp_path / "requirements.txt"] == "mine\n"


def test_in_a_project_the_file_goes_where_its_stack_files_are(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "schema.json").touch()
    init(tmp_path, "local", SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Pulumi.yaml", "stacks"]
    first = (tmp_path / "stacks" / "Pulumi.mine.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"


def test_a_new_project_s_program_is_this_repository_s(request: pytest.FixtureRequest) -> None:
    here = (ROOT / "__main__.py").read_text()
    only_in_a_checkout = here[here.index("import sys\n") : here.index("from elastic_vllm")]
    program = here.replace(only_in_a_checkout, "import pulumi\n\n")
    if request.config.getoption("--update-golden"):
        PROGRAM.write_text(program)
    assert PROGRAM.read_text() == program, "write it with `pytest tests/unit/test_init.py --update-golden`"
