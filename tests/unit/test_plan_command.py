"""``fleet plan`` at the prompt: formats, exit codes, and one line for each mistake."""

import json
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from elastic_vllm.spec.finding import STACK_FILE, StackConfigError
from fleet import workspace
from fleet.cli import plan as command
from fleet.cli.main import app, main
from fleet.errors import DEBUG, INTERRUPTED, FleetError
from fleet.plan.document import Plan
from tests.plans import a_plan, finding


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *arguments], catch_exceptions=False)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """What is planned: the last one put here, whatever stack is asked for."""
    plans = [a_plan()]
    monkeypatch.setattr(command, "build", lambda _root, _stack, _today: plans[-1])
    return plans


@pytest.mark.parametrize(
    ("severity", "options", "code"),
    [
        ("", [], 0),
        ("warning", [], 0),
        ("warning", ["--strict"], 1),
        ("", ["--strict"], 0),
        ("error", [], 1),
        ("error", ["--format", "json"], 1),
        ("error", ["--format", "markdown"], 1),
        ("", ["--format", "yaml"], 2),
    ],
)
def test_the_exit_code_is_the_verdict(
    severity: str, options: list[str], code: int, planned: list[Plan]
) -> None:
    planned.append(a_plan(findings=(finding(severity=severity),) if severity else ()))
    assert call(*options).exit_code == code


def test_json_is_the_document_and_nothing_else(planned: list[Plan]) -> None:
    planned.append(a_plan(findings=(finding(),)))
    assert Plan.model_validate(json.loads(call("--format", "json").stdout)) == planned[-1]


@pytest.mark.usefixtures("planned")
def test_against_adds_the_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def compare(found: Plan, _root: Path, ref: str) -> Plan:
        asked.append(ref)
        return found

    monkeypatch.setattr(command, "compare", compare)
    assert call("--against", "origin/main").exit_code == 0
    assert asked == ["origin/main"]


def test_a_file_that_is_no_stack_is_told_in_error_lines(planned: list[Plan]) -> None:
    planned.append(
        a_plan(cloud="", findings=(finding(severity="error", key="pools[0].maxNods", subject="l4"),))
    )
    result = call()
    assert result.exit_code == 1
    assert result.stderr == "error: pools[0].maxNods (l4): lower it\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--stack", "lokal"], "error: there is no stack file stacks/Pulumi.lokal.yaml"),
        (
            ["--stack", "local", "--against", "nowhere"],
            "error: there is no revision 'nowhere' in this repository",
        ),
    ],
)
def test_bad_input_ends_in_two_lines_and_no_traceback(
    arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fleet", "plan", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr().err
    assert end.value.code == 1
    assert said.startswith(line)
    assert "next:" in said
    assert "Traceback" not in said


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """The exit code of the whole command."""
    monkeypatch.setattr("sys.argv", ["fleet", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--stack", "lokal"], "there is no stack file stacks/Pulumi.lokal.yaml"),
        (["--stack", "local", "--against", "nowhere"], "there is no revision 'nowhere'"),
    ],
)
def test_json_is_a_document_where_nothing_can_be_planned_or_compared(
    options: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan", "--format", "json", *options) == 1
    said = capsys.readouterr()
    found = Plan.model_validate_json(said.out)
    assert (found.stack, found.errors[0].id) == (options[1], "plan-incomplete")
    assert says in found.errors[0].message
    assert said.err.startswith(f"error: {says}")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
def test_a_bug_is_one_line_and_its_traceback_is_shown_on_request(
    format_: str, debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> NoReturn:
        raise RuntimeError("two\nlines")

    monkeypatch.setenv(DEBUG, "")
    monkeypatch.setattr(command, "build", broken)
    assert run(monkeypatch, *["--debug"] * debug, "plan", "--format", format_) == 1
    said = capsys.readouterr()
    line = "RuntimeError: two lines; this is a bug of elastic-vllm: run with `fleet --debug`"
    assert f"error: {line}" in said.err
    assert ("Traceback" in said.err) is debug
    if format_ == "json":
        assert line in Plan.model_validate_json(said.out).errors[0].message
    else:
        assert said.out == ""


def test_an_interrupt_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "build", interrupted)
    assert run(monkeypatch, "plan", "--format", "json") == INTERRUPTED
    said = capsys.readouterr()
    assert "bug" not in said.err
    assert said.out == ""


def test_each_finding_that_refuses_a_stack_is_a_line_in_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> NoReturn:
        raise StackConfigError([STACK_FILE.at("pools", "is wrong"), STACK_FILE.at("models[0]", "is too")])

    monkeypatch.setattr(workspace, "parse", refused)
    assert run(monkeypatch, "quotas", "--stack", "aws-dev") == 1
    assert capsys.readouterr().err == "error: pools: is wrong\nerror: models[0]: is too\n"


def test_a_checkout_without_git_has_no_other_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "build", lambda _root, _stack, _today: a_plan())
    (tmp_path / "Pulumi.yaml").write_text("name: mine\n")
    (tmp_path / "Pulumi.only.yaml").touch()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(FleetError, match="not in a git repository"):
        call("-C", str(tmp_path), "--against", "main")


def test_an_interrupt_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> Plan:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "build", interrupt)
    monkeypatch.setattr("sys.argv", ["fleet", "plan"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
    assert "interrupted; run the same command again to resume" in capsys.readouterr().err


def test_the_forecast_is_a_page_on_request(tmp_path: Path) -> None:
    assert call("--stack", "local", "--report", str(tmp_path)).exit_code == 0
    assert "Forecast of stack local" in (tmp_path / "forecast.html").read_text()
    assert (tmp_path / "forecast-chat.png").is_file()
