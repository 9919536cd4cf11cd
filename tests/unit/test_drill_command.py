"""``fleet drill`` and ``fleet demo``: what they set up, in which order, and with what code they end."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.scenario import Scenario
from elastic_vllm.simulate.timeline import Check, Happening, Run, Second
from elastic_vllm.spec import ScalingSpec
from fleet import deploy
from fleet.cli import demo, drill
from fleet.cli.main import app, main
from fleet.deploy.program import StackRef
from fleet.drill import runner, verdict
from fleet.drill.report import files
from fleet.drill.runner import Listener
from fleet.drill.setting import Setting
from fleet.drill.staging import Stage
from fleet.kube.apiserver import Apiserver
from fleet.kube.kubeconfig import Connection
from tests import drill_sample
from tests.plans import ROOT

pytestmark = pytest.mark.usefixtures("kubeconfig")

PERFORM = drill.perform
"""The real one; most tests put another in its place."""
COMPRESSION = scenario.load(drill.DEFAULT_SCENARIO).compression


def check(*, passed: bool) -> Check:
    return Check(
        id="surge", text="the surge is bounded", bound="2", measured="2" if passed else "3", passed=passed
    )


def recorded(*checks: bool) -> Run:
    return drill_sample.run(checks=tuple(check(passed=passed) for passed in checks))


class Heard:
    """Stands in for who plays and who judges."""

    def __init__(self) -> None:
        self.played: list[tuple[Setting, Scenario]] = []
        self.loads: list[LoadModel] = []
        self.scalings: list[ScalingSpec] = []
        self.expected: list[verdict.Expectations] = []
        self.kubeconfigs: list[Path] = []

    def connect(self, kubeconfig: Path) -> Apiserver:
        self.kubeconfigs.append(kubeconfig)
        return Apiserver(Connection("http://nowhere.invalid", {}, None))

    def play(self, _: Apiserver, setting: Setting, play: Scenario, load: LoadModel, view: Listener) -> Run:
        self.played.append((setting, play))
        self.loads.append(load)
        run = recorded()
        view.update(run.seconds[0], [])
        return run

    def judge(self, run: Run, scaling: ScalingSpec, expectations: verdict.Expectations) -> Run:
        self.scalings.append(scaling)
        self.expected.append(expectations)
        return run.model_copy(update={"checks": (check(passed=False),)})


class Mine:
    """A listener of one's own."""

    def __init__(self) -> None:
        self.heard = 0

    def update(self, second: Second, happenings: list[Happening]) -> None:
        del second, happenings
        self.heard += 1


class Play:
    """Stands in for the cluster, the engine, the drill and the report; remembers what was asked of them."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.run = recorded(True)
        self.stage: Stage | None = None
        self.scenario: Scenario | None = None
        self.ref: StackRef | None = None
        self.folder: Path | None = None

    def bring_up(self) -> None:
        self.steps.append("cluster")

    def up(self, ref: StackRef, *, reporter: object) -> None:
        assert reporter is not None
        self.ref = ref
        self.steps.append("up")

    def destroy(self, ref: StackRef, *, reporter: object) -> None:
        assert reporter is not None
        self.steps.append(f"destroy {ref.name}")

    def no_nodes(self, _: object, pools: Sequence[str]) -> None:
        self.steps.append(f"no nodes of {', '.join(pools)}")

    def perform(self, staged: Stage, play: Scenario) -> Run:
        self.stage, self.scenario = staged, play
        self.steps.append("perform")
        return self.run

    def write(self, run: Run, folder: Path) -> files.Report:
        assert run is self.run
        self.folder = folder
        self.steps.append("report")
        return files.Report(
            folder, folder / "run.json", folder / "index.html", folder / "drill.png", "0" * 64
        )

    @property
    def setting(self) -> Setting:
        assert self.stage is not None
        return self.stage.setting


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    play = Play()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drill, "bring_up_all", play.bring_up)
    monkeypatch.setattr(drill, "perform", play.perform)
    monkeypatch.setattr(demo, "bring_up_all", play.bring_up)
    monkeypatch.setattr(demo, "await_no_nodes", play.no_nodes)
    monkeypatch.setattr(demo, "connect", lambda path: path)
    monkeypatch.setattr(deploy, "up", play.up)
    monkeypatch.setattr(deploy, "destroy", play.destroy)
    monkeypatch.setattr(files, "write", play.write)
    return play


def fleet(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["-C", str(ROOT), *arguments], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.mark.parametrize("command", ["drill", "demo"])
@pytest.mark.parametrize(
    ("checks", "code"),
    [((True, True), 0), ((True, False), 1), ((False,), 1)],
    ids=["passed", "one failed", "all"],
)
def test_the_code_is_0_when_every_check_was_kept_and_else_1(
    play: Play, command: str, checks: tuple[bool, ...], code: int
) -> None:
    play.run = recorded(*checks)
    assert fleet(command)[0] == code
    assert play.steps[-1] == "report"  # also of a drill that broke a check


def test_the_stack_is_deployed_on_a_running_cluster_before_it_is_drilled(play: Play) -> None:
    fleet("drill")
    assert play.steps == ["cluster", "up", "perform", "report"]


def test_what_is_drilled_is_what_was_deployed(play: Play) -> None:
    fleet("drill")
    assert play.stage is not None
    assert play.ref is play.stage.ref


def test_without_options_the_local_stacks_first_model_climbs_to_its_peak_and_back(play: Play) -> None:
    fleet("drill")
    assert play.scenario == scenario.load("ramp-peak-trough")
    assert (play.setting.stack, play.setting.model.name) == ("local", "chat")
    assert play.setting.compression == COMPRESSION > 1
    assert play.folder == Path("drill-report")


def test_options_choose_the_scenario_and_where_the_report_goes(play: Play, tmp_path: Path) -> None:
    _, output = fleet("drill", "--scenario", "spike", "--model", "chat", "--report", str(tmp_path / "mine"))
    assert play.scenario == scenario.load("spike")
    assert play.folder == tmp_path / "mine"
    assert str(tmp_path / "mine" / "index.html") in output


def test_real_time_compresses_nothing(play: Play) -> None:
    fleet("drill", "--real-time")
    assert play.setting.compression == 1


def test_the_verdict_is_printed_with_every_check(play: Play) -> None:
    play.run = recorded(False)
    assert "the surge is bounded" in fleet("drill")[1]


def outcome(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The exit code of the installed command, which turns failures into lines."""
    monkeypatch.setattr(sys, "argv", ["fleet", "-C", str(ROOT), *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_an_unknown_scenario_is_an_error_that_names_those_that_exist_and_starts_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(monkeypatch, "drill", "--scenario", "flood") == 1
    said = capsys.readouterr().err
    assert "there is no scenario flood" in said
    assert all(name in said for name in scenario.names())
    assert play.steps == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--model", "chta"), "the stack has no model chta"),
        (("--stack", "nowhere"), "Pulumi.nowhere.yaml"),
    ],
)
def test_what_the_stack_does_not_have_is_an_error_and_starts_nothing(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    problem: str,
) -> None:
    assert outcome(monkeypatch, "drill", *arguments) == 1
    assert problem in capsys.readouterr().err
    assert play.steps == []


@pytest.mark.parametrize("command", ["drill", "demo"])
def test_a_report_that_cannot_be_written_is_an_error_before_anything_starts(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    (tmp_path / "taken").write_text("")
    assert outcome(monkeypatch, command, "--report", str(tmp_path / "taken" / "report")) == 1
    said = capsys.readouterr().err
    assert "the report cannot be written" in said
    assert "name a folder of yours with --report" in said
    assert play.steps == []


def test_the_demo_begins_from_nothing_and_tells_how_to_remove_what_it_leaves(play: Play) -> None:
    output = fleet("demo")[1]
    assert play.steps[:3] == ["cluster", "destroy local", "no nodes of a10g"]
    assert play.steps[-3:] == ["up", "perform", "report"]
    assert "fleet destroy --stack local" in output


def test_the_demos_report_goes_where_it_is_asked_to(play: Play, tmp_path: Path) -> None:
    fleet("demo", "--report", str(tmp_path / "mine"))
    assert play.folder == tmp_path / "mine"


def test_the_demo_tells_how_to_remove_what_it_leaves_also_when_it_fails(play: Play) -> None:
    play.run = recorded(False)
    assert "fleet destroy --stack local" in fleet("demo")[1]


def performed(play: Play, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[Run, Heard]:
    """What the drill itself does with what the command set up, short of playing and judging."""
    fleet("drill", *options)
    heard = Heard()
    monkeypatch.setattr(drill, "connect", heard.connect)
    monkeypatch.setattr(runner, "play", heard.play)
    monkeypatch.setattr(verdict, "judge", heard.judge)
    assert play.stage is not None
    assert play.scenario is not None
    return PERFORM(play.stage, play.scenario), heard


def test_a_drill_is_played_with_the_load_of_its_model_on_its_machine(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, heard = performed(play, monkeypatch)
    assert play.scenario is not None
    machine, mix = play.setting.machine, play.scenario.mix
    cores = machine.allocatable_cpu_millis / 1000
    assert heard.played == [(play.setting, play.scenario)]
    assert heard.loads == [LoadModel.for_model(play.setting.model, machine.accelerator, mix, cores)]


def test_a_drill_is_judged_by_what_its_scenario_plans(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    run, heard = performed(play, monkeypatch)
    assert play.scenario is not None
    planned = play.scenario.planned_replicas
    assert play.scenario.settle_seconds is None
    end = play.scenario.duration_seconds + play.setting.give_back_seconds
    assert heard.expected == [
        verdict.Expectations(planned_replicas=planned, replicas_per_node=1, settled_by=end)
    ]
    assert heard.scalings == [play.setting.model.scaling]
    assert run.checks == (check(passed=False),)


@pytest.mark.parametrize(
    ("options", "pace"),
    [(("--real-time",), "in real time"), ((), f"both divided by {COMPRESSION:g}")],
    ids=["real", "not"],
)
def test_what_is_simulated_and_in_whose_time_is_said(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    pace: str,
) -> None:
    performed(play, monkeypatch, *options)
    assert pace in capsys.readouterr().out


def test_a_floor_and_a_held_time_to_first_token_reach_the_verdict(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, heard = performed(play, monkeypatch)
    assert play.stage is not None
    assert play.scenario is not None
    floored = replace(play.stage, setting=replace(play.setting, min_nodes=3))
    PERFORM(floored, play.scenario.model_copy(update={"hold_ttft": True}))
    assert (heard.expected[-1].idle_nodes, heard.expected[-1].hold_ttft) == (3, True)


def test_another_listener_takes_the_screens_place_on_the_stages_own_cluster(
    play: Play, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, heard = performed(play, monkeypatch)
    capsys.readouterr()
    assert play.stage is not None
    assert play.scenario is not None
    elsewhere = replace(play.stage, ref=replace(play.stage.ref, kubeconfig=tmp_path / "elsewhere"))
    mine = Mine()
    PERFORM(elsewhere, play.scenario, mine)
    assert mine.heard == 1
    assert capsys.readouterr().out == ""
    assert heard.kubeconfigs[-1] == tmp_path / "elsewhere"


def test_a_machine_without_a_price_is_said_to_have_none(
    play: Play, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    performed(play, monkeypatch)
    assert "without a known price" not in capsys.readouterr().out
    assert play.stage is not None
    assert play.scenario is not None
    unpriced = replace(play.setting, usd_per_node_hour=None)
    PERFORM(replace(play.stage, setting=unpriced), play.scenario)
    assert "without a known price" in capsys.readouterr().out
