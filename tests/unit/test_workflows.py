"""The workflows: pinned, with the least rights, and nothing of a pull request where there are any."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from elastic_vllm.clouds.gcp import access
from fleet.plan.pull_request import MARKER
from tests.plans import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GRANTED = {
    "ci.yml": {"check": {"contents": "read"}, "cluster": {"contents": "read"}},
    "preview.yml": {"plan": {"contents": "read"}, "pulumi": {"contents": "read", "id-token": "write"}},
    "deploy.yml": {"up": {"contents": "read", "id-token": "write"}},
    "comment.yml": {"comment": {"actions": "read", "contents": "read", "pull-requests": "write"}},
}
"""Every right that any job has."""


def workflow(name: str) -> Any:  # Any: YAML is as deep as it likes
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def steps(name: str) -> list[Any]:  # Any: as above
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_by_a_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_job_has_a_right_that_is_not_listed_here(path: Path) -> None:
    found = workflow(path.name)
    assert found["permissions"] == {}
    assert {name: job["permissions"] for name, job in found["jobs"].items()} == GRANTED[path.name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_others_can_write_reaches_no_shell_but_as_a_variable(path: Path) -> None:
    for step in steps(path.name):
        assert "${{" not in step.get("run", "")
    assert "secrets." not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_checkout_leaves_its_token_behind(path: Path) -> None:
    for step in steps(path.name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_code_of_a_pull_request_runs_only_where_nothing_can_be_written() -> None:
    triggers = workflow("preview.yml")[True]  # YAML 1.1 reads `on` as true
    assert list(triggers) == ["pull_request"]
    assert list(workflow("comment.yml")[True]) == ["workflow_run"]
    for step in steps("comment.yml"):
        assert "ref" not in step.get("with", {})  # the default branch, never the pull request


def test_credentials_are_for_branches_of_the_repository_itself() -> None:
    condition = workflow("preview.yml")["jobs"]["pulumi"]["if"]
    assert "head.repo.full_name == github.repository" in condition


def test_every_script_that_a_step_runs_is_in_the_repository() -> None:
    run = [step["run"] for path in FILES for step in steps(path.name) if "run" in step]
    scripts = {word for line in run for word in re.findall(r"^scripts/\w+", line)}
    assert scripts == {"scripts/preview", "scripts/comment"}
    for script in scripts:
        assert (ROOT / script).stat().st_mode & 0o111
    assert f'MARKER = "{MARKER}"' in (ROOT / "scripts" / "comment").read_text()


def test_a_deployment_needs_a_person_the_stacks_environment_and_the_main_branch() -> None:
    found = workflow("deploy.yml")
    (job,) = found["jobs"].values()
    assert list(found[True]) == ["workflow_dispatch"]  # YAML 1.1 reads `on` as true
    assert job["environment"] == "${{ inputs.stack }}"
    assert job["if"] == "github.ref == 'refs/heads/main'"


def test_a_deployment_outlives_the_usual_hour_of_a_session() -> None:
    (job,) = workflow("deploy.yml")["jobs"].values()
    (role,) = [step for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
    assert role["with"]["role-duration-seconds"] == job["timeout-minutes"] * 60


def test_the_preview_has_the_program_that_the_kubeconfig_of_gke_executes() -> None:
    job = workflow("preview.yml")["jobs"]["pulumi"]["steps"]
    (step,) = [one for one in job if access.PLUGIN in one.get("with", {}).get("install_components", "")]
    (preview,) = [one for one in job if one.get("with", {}).get("command") == "preview"]
    assert job.index(step) < job.index(preview)
