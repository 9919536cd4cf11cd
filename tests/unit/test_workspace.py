"""``fleet`` in a project of another's own: found from where one is, with its own stack files and policy."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fleet.cli.main import app
from fleet.cli.options import DEFAULT, StackName, in_directory, start, workspace
from fleet.errors import FleetError
from fleet.plan.document import Plan
from fleet.workspace import Workspace
from tests.plans import git

STACK = """config:
  elastic-vllm:cluster: {cloud: local}
  elastic-vllm:pools: [{name: l4, accelerator: l4, maxNodes: 2}]
  elastic-vllm:models:
    - {name: chat, checkpoint: Qwen/Qwen3-VL-8B-Instruct-FP8, pool: l4, replicas: {min: 1, max: 2}}
"""
PROGRAM = """import pulumi
from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.stack_file import config as stack_config

config = stack_config.load()
ServingNamespace("serving", ServingNamespaceArgs(namespace=config.namespace))
"""
POLICY = """exceptions:
  - {finding: cpu-target-cannot-fire, severity: silent, reason: only a trial for now, expires: 2099-01-01}
"""


def project(folder: Path, *stacks: str, inside: str = "") -> Path:
    """A project with these stack files, beside Pulumi.yaml unless they are ``inside`` a folder."""
    place = folder / inside
    place.mkdir(parents=True, exist_ok=True)
    said = f"stackConfigDir: {inside}\n" if inside else ""
    (folder / "Pulumi.yaml").write_text(f"name: mine\nruntime: python\n{said}")
    (folder / "__main__.py").write_text(PROGRAM)
    for stack in stacks:
        (place / f"Pulumi.{stack}.yaml").write_text(STACK)
    return folder


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def planned(*arguments: str) -> Plan:
    shown = call(*arguments, "--format", "json")
    assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
    return Plan.model_validate(json.loads(shown.stdout))


@pytest.mark.parametrize(("inside", "found"), [("", ""), ("deploy/stacks", "deploy/stacks")])
def test_stack_files_are_where_the_project_says(tmp_path: Path, inside: str, found: str) -> None:
    place = Workspace.at(project(tmp_path, "one", "two", inside=inside))
    assert place.stacks == tmp_path / found
    assert place.names() == ("one", "two")
    assert place.policy == place.stacks / "policy.yaml"


def test_the_nearest_folder_above_with_a_project_counts(tmp_path: Path) -> None:
    project(tmp_path, "outer")
    deep = project(tmp_path / "a", "inner") / "b" / "c"
    deep.mkdir(parents=True)
    assert Workspace.find(deep).root == (tmp_path / "a").resolve()


def test_without_a_project_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        FleetError, match=r"no Pulumi.yaml in .* or above it\nnext: name .* with -C, or start"
    ):
        Workspace.find(tmp_path)
    with pytest.raises(FleetError, match="is not a folder"):
        Workspace.find(tmp_path / "nowhere")
    (tmp_path / "Pulumi.yaml").write_text("name: [")
    with pytest.raises(FleetError, match="is not valid YAML"):
        Workspace.find(tmp_path)


@pytest.mark.parametrize(
    ("stacks", "variable", "default"),
    [(("local", "prod"), "", "local"), (("prod",), "", "prod"), (("dev", "prod"), "prod", "prod")],
)
def test_all_commands_have_one_default_stack(
    tmp_path: Path, stacks: tuple[str, ...], variable: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_STACK", variable)
    project(tmp_path, *stacks)
    assert Workspace.at(tmp_path).default() == default
    for command in (["plan"], ["cold-start"], ["quotas"]):
        assert call("-C", str(tmp_path), *command).exit_code == 0


def test_where_no_stack_is_the_default_the_error_lists_them(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="there is no stack file in"):
        Workspace.at(project(tmp_path)).default()
    refused = call("-C", str(project(tmp_path, "dev", "prod")), "plan")
    assert isinstance(refused.exception, FleetError)
    assert refused.exception.problem == "no stack is named, and there are: dev, prod"


def test_the_folder_is_named_before_or_after_the_command_and_only_for_this_call(tmp_path: Path) -> None:
    here = Workspace.find(Path.cwd()).root
    seen: list[Path] = []

    def look(stack: StackName = DEFAULT) -> None:
        assert stack
        seen.append(workspace().root)

    place = str(project(tmp_path, "only"))
    only = typer.Typer()
    only.callback()(start)
    only.command()(in_directory(look))
    for arguments in (["-C", place, "look"], ["look", "-C", place], ["look"]):
        assert CliRunner().invoke(only, arguments).exit_code == 0
    assert seen == [tmp_path.resolve(), tmp_path.resolve(), here]


def test_a_plan_elsewhere_runs_that_project_s_program_under_that_project_s_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project(tmp_path / "there", "mine", inside="stacks")
    here = project(tmp_path / "here")
    (here / "policy.yaml").write_text("exceptions: [{}]\n")
    monkeypatch.chdir(here)
    (place / "stacks" / "policy.yaml").write_text(POLICY)
    found = planned("-C", str(place), "plan", "--stack", "mine")
    assert [item.name for item in found.resources if "Namespace" in item.type] == ["serving-namespace"]
    assert [item.id for item in found.silenced] == ["cpu-target-cannot-fire"]
    assert Path.cwd() == here.resolve(), "the command stays where it was called"
    (place / "stacks" / "policy.yaml").write_text(POLICY.replace("cpu-target-cannot-fire", "no-such"))
    assert [item.id for item in planned("-C", str(place), "plan").errors] == ["policy-file"]


def test_against_runs_the_installed_library_where_the_repository_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    place = project(repository / "infra", "mine")  # not the root of the repository
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=before")
    (place / "Pulumi.mine.yaml").write_text(f"{STACK}  elastic-vllm:namespace: another\n")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    found = planned("plan", "-C", str(place), "--against", "main").difference
    assert found is not None
    assert found.comparable, found.note
    new = planned("plan", "-C", str(project(repository / "new", "mine")), "--against", "main").difference
    assert new is not None
    assert new.note == "main has no stack mine: all of it is new."
    assert ("serving-namespace", "replace") in {(item.name, item.action) for item in found.resources}
