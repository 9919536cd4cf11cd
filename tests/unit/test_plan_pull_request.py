"""What the steps of the preview do, run as the workflow runs them: on a repository with two branches."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from fleet.plan import pull_request, render_markdown
from fleet.plan.document import Difference, Plan
from fleet.plan.pull_request import LONGEST, MARKER, comment
from fleet.plan.revision import Revision
from fleet.workspace import Workspace
from tests.plans import ROOT, a_plan, edit, finding, git, resource, scratch

TODAY = date(2026, 11, 25)


def step(root: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """One step of the workflow."""
    return subprocess.run(
        [str(root / command[0]), *command[1:]],
        cwd=root,
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_branch_is_previewed_for_every_stack_that_it_touches_and_for_no_other(tmp_path: Path) -> None:
    root = scratch(tmp_path / "repository", "coded", "dropped", "edited", "untouched")
    edit(root, "coded", "- name: chat", "- name: other")
    git(root, "commit", "--quiet", "--all", "--amend", "--message=before")
    git(root, "checkout", "--quiet", "-b", "change")
    edit(root, "edited", "maxNodes: 10", "maxNodes: 12")
    edit(root, "untouched", "maxNodes: 10", "maxNodes: 10 # as before;")
    (root / "stacks" / "Pulumi.broken.yaml").write_text("config: [\n")
    shutil.copy(ROOT / "tests/cases/c28-aws-flex.yaml", root / "stacks" / "Pulumi.refused.yaml")
    (root / "stacks" / "Pulumi.dropped.yaml").unlink()
    # The program changes too: each side of the comparison has to be made by its own.
    program = root / "components" / "elastic_vllm" / "vllm" / "deployment.py"
    old, new = '"revision_history_limit": 3', '"revision_history_limit": 4 if model.name == "other" else 3'
    assert old in program.read_text()
    program.write_text(program.read_text().replace(old, new))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=after")

    done = step(root, "scripts/preview", "--against", "main", "--output", str(tmp_path / "preview.md"))
    text = (tmp_path / "preview.md").read_text()
    parts = {part.split("`")[1]: part for part in text.split("\n### ")[1:]}
    coded, edited = parts["coded"], parts["edited"]

    assert done.returncode == 1, done.stderr  # a stack is broken, so the check is red
    assert text.startswith(MARKER)
    assert "`broken`, `coded`, `edited`, `refused`, `dropped` change; `broken`, `refused` would stop" in text
    assert '-     spec.limits.nodes: "10"\n+     spec.limits.nodes: "12"' in edited
    assert "-     spec.revisionHistoryLimit: 3\n+     spec.revisionHistoryLimit: 4" in coded
    assert "spec.limits" not in coded
    assert "revisionHistory" not in edited
    assert "broken.yaml is not valid YAML" in parts["broken"]
    assert "AWS does not sell flex-start" in parts["refused"]
    assert parts["dropped"].startswith("`dropped` is taken away")
    assert "untouched" not in text
    assert str(tmp_path) not in text


def test_a_change_of_no_stack_says_so_in_one_line() -> None:
    text = comment([], [], "origin/main", TODAY)
    assert text.splitlines()[:3] == [MARKER, "", "## `fleet plan`: no stack changes"]


def test_only_stacks_that_differ_are_in_the_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    def compared(found: Plan, _: object) -> Plan:
        gained = (finding("new"),) if found.stack == "two" else ()
        difference = Difference(ref="main", commit="0123456", findings_gained=gained)
        return found.model_copy(update={"difference": difference})

    monkeypatch.setattr(Workspace, "names", lambda _: ("one", "two"))
    monkeypatch.setattr(pull_request, "plan", lambda _, stack, _today: a_plan(stack=stack))
    monkeypatch.setattr(pull_request, "compared", compared)
    revision = Revision("main", "0123456", ROOT)
    assert [found.stack for found in pull_request.touched(ROOT, revision)] == ["two"]


def test_a_stack_whose_plan_fails_costs_no_other_stack_its_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def planned(self: Revision, stack: str) -> Plan:
        if stack == "odd":
            raise RuntimeError("comparing fails")
        return a_plan(stack=stack, resources=(resource(spec={"replicas": 1}),))

    def rendered(found: Plan, on: date) -> str:
        if found.stack == "ugly":
            raise RuntimeError("rendering fails")
        return render(found, on)

    render = render_markdown.render
    made = (resource(spec={"replicas": 2}),)
    monkeypatch.setattr(Workspace, "names", lambda _: ("good", "odd", "ugly"))
    monkeypatch.setattr(pull_request, "plan", lambda _, stack, _on: a_plan(stack=stack, resources=made))
    monkeypatch.setattr(Revision, "has", lambda *_: True)
    monkeypatch.setattr(Revision, "plan", planned)
    monkeypatch.setattr(render_markdown, "render", rendered)
    plans = pull_request.touched(tmp_path, Revision("main", "0123456", tmp_path))
    text = comment(plans, [], "main", TODAY)
    parts = {part.split("`")[1]: part for part in text.split("\n### ")[1:]}
    assert set(parts) == {"good", "odd", "ugly"}
    assert "spec.replicas: 2" in parts["good"]
    assert "RuntimeError: comparing fails; this is a bug" in parts["odd"]
    assert "RuntimeError: rendering fails; this is a bug" in parts["ugly"]


def test_a_comment_is_never_longer_than_github_takes() -> None:
    long = a_plan(stack="long", resources=[resource(f"r{i}", f"k:k:K{i}{'x' * 80}") for i in range(900)])
    text = comment([a_plan(stack="first"), long], [], "main", TODAY)
    assert len(text) <= LONGEST
    assert "No room for the rest: run `fleet plan --stack long`." in text
    assert "`first`: no errors" in text
    many = [a_plan(stack=f"s{i}", findings=[finding(key="k" * 900)]) for i in range(200)]
    assert "Too much changes for a comment" in comment(many, [], "main", TODAY)


COMMENTS = "repos/acme/infra/issues/7/comments"
HEAD = {"number": 7, "head": {"sha": "abc"}}


@pytest.fixture
def github(tmp_path: Path) -> Callable[[Mapping[str, object]], tuple[str, Path]]:
    """A ``gh`` that answers from a table of paths, and a file of the calls that were made."""

    def install(answers: Mapping[str, object]) -> tuple[str, Path]:
        calls, program = tmp_path / "calls", tmp_path / "bin" / "gh"
        program.parent.mkdir()
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, sys\n"
            "body = json.load(sys.stdin) if '--input' in sys.argv else None\n"
            f"with open({str(calls)!r}, 'a') as log: log.write(json.dumps([sys.argv[2:], body]) + '\\n')\n"
            f"answers = json.loads({json.dumps(answers)!r})\n"
            "path = sys.argv[2].partition('?')[0]\n"
            "if path not in answers: sys.exit('gh: Not Found (HTTP 404)')\n"
            "print(json.dumps(answers[path]))\n"
        )
        program.chmod(0o755)
        return f"{program.parent}:{os.environ['PATH']}", calls

    return install


def post(
    path: str, text: str, folder: Path, head: str = "someone:change"
) -> "subprocess.CompletedProcess[str]":
    file = folder / "preview.md"
    file.write_text(text)
    return step(ROOT, "scripts/comment", "acme/infra", "someone:change", "abc", str(file), PATH=path)


def written(calls: Path) -> list[tuple[str, str]]:
    """Method and path of each call that changes something."""
    made = [json.loads(line)[0] for line in calls.read_text().splitlines()]
    return [(call[2], call[0]) for call in made if "--method" in call and call[2] != "GET"]


def body(calls: Path) -> object:
    return json.loads(calls.read_text().splitlines()[-1])[1]


def test_the_first_preview_writes_a_comment(tmp_path: Path, github: Callable[..., tuple[str, Path]]) -> None:
    path, calls = github({"repos/acme/infra/pulls": [HEAD], COMMENTS: [[]]})
    done = post(path, f"{MARKER}\nnews", tmp_path)
    assert done.returncode == 0, done.stderr
    assert written(calls) == [("POST", COMMENTS)]
    assert body(calls) == {"body": f"{MARKER}\nnews"}
    assert "head=someone:change" in calls.read_text()


def test_a_later_preview_rewrites_the_same_comment_and_nobody_elses(
    tmp_path: Path, github: Callable[..., tuple[str, Path]]
) -> None:
    bot, visitor = {"login": "github-actions[bot]"}, {"login": "visitor"}
    pages = [
        [
            {"id": 1, "user": visitor, "body": f"{MARKER}\nmine"},
            {"id": 2, "user": bot, "body": "another check"},
        ],
        [{"id": 3, "user": bot, "body": f"{MARKER}\nold"}],
    ]
    answers = {"repos/acme/infra/pulls": [HEAD], COMMENTS: pages, "repos/acme/infra/issues/comments/3": {}}
    path, calls = github(answers)
    assert post(path, f"{MARKER}\nnew", tmp_path).returncode == 0
    assert written(calls) == [("PATCH", "repos/acme/infra/issues/comments/3")]


@pytest.mark.parametrize("found", [[], [{"number": 7, "head": {"sha": "later"}}]])
def test_a_preview_of_a_commit_that_is_no_head_any_more_writes_nothing(
    found: list[object], tmp_path: Path, github: Callable[..., tuple[str, Path]]
) -> None:
    path, calls = github({"repos/acme/infra/pulls": found})
    done = post(path, f"{MARKER}\nnews", tmp_path)
    assert (done.returncode, written(calls)) == (0, [])
    assert "nothing to comment on" in done.stdout


@pytest.mark.parametrize("text", ["any other text", f"{MARKER}\n{'x' * 70_000}"])
def test_what_is_no_preview_is_not_posted(
    text: str, tmp_path: Path, github: Callable[..., tuple[str, Path]]
) -> None:
    path, calls = github({})
    done = post(path, text, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert not calls.exists()


def test_what_github_refuses_is_one_line(tmp_path: Path, github: Callable[..., tuple[str, Path]]) -> None:
    path, _ = github({})
    done = post(path, f"{MARKER}\nnews", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: gh api repos/acme/infra/pulls")
    assert "HTTP 404" in done.stderr
