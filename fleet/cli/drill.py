"""``fleet drill``: a load test of a stack on the embedded cluster, and its verdict."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from elastic_vllm.clouds.local.home import home, kubeconfig
from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.timeline import Run
from fleet import deploy
from fleet.cli.console import console
from fleet.cli.options import DEFAULT, StackName, workspace
from fleet.cli.stack import Printer, bring_up_all
from fleet.deploy.program import stack_ref
from fleet.drill import rest, runner, verdict
from fleet.drill.live import LiveView, print_verdict
from fleet.drill.report import files
from fleet.drill.setting import Setting
from fleet.drill.staging import Stage, stage, stand_in_secrets
from fleet.kube.apiserver import connect

DEFAULT_SCENARIO = "ramp-peak-trough"

ScenarioName = Annotated[
    str, typer.Option("--scenario", help="a scenario that ships with fleet, or a YAML file")
]
RealTime = Annotated[bool, typer.Option("--real-time", help="do not shorten boot and load times")]
ModelName = Annotated[
    str | None, typer.Option("--model", help="the model under load; the stack's first if left out")
]
ReportFolder = Annotated[
    Path, typer.Option("--report", help="the folder for run.json, index.html and drill.png")
]


def drill(
    stack: StackName = DEFAULT,
    scenario_: ScenarioName = DEFAULT_SCENARIO,
    real_time: RealTime = False,
    model: ModelName = None,
    report: ReportFolder = Path("drill-report"),
) -> None:
    """Run a load scenario against a stack and check its policies. Exits with 1 if a check failed.

    Deploys the stack to the embedded cluster first, with its own machines, models and policies. Machines,
    containers and requests are simulated; what scales anything is real.
    """
    play = scenario.load(scenario_)
    place = workspace()
    config = place.config(stack)
    ref = stack_ref(
        stack, root=place.root, kubeconfig=kubeconfig(), home=home(), stand_ins=stand_in_secrets(config)
    )
    staged = stage(ref, config, model, 1 if real_time else play.compression)
    files.prepare(report)
    bring_up_all()
    console.print(f"\n[bold]fleet up --stack {stack}[/], as the drill sets it up")
    deploy.up(staged.ref, reporter=Printer(unchanged=False))
    run = perform(staged, play)
    paths = files.write(run, report)
    print_verdict(run, console)
    console.print(f"report: {paths.page}, {paths.picture}, {paths.run}")
    if not run.passed:
        raise typer.Exit(1)


def perform(staged: Stage, play: scenario.Scenario, listener: runner.Listener | None = None) -> Run:
    """The drill itself, on a stack that is deployed, and judged; on the screen unless another listens."""
    setting = staged.setting
    accelerator = setting.machine.accelerator
    load = LoadModel.for_model(
        setting.model, accelerator, play.mix, setting.machine.allocatable_cpu_millis / 1000
    )
    with _screen(setting, play) if listener is None else nullcontext(listener) as heard:
        run = runner.play(connect(staged.ref.kubeconfig), setting, play, load, heard)
    return verdict.judge(
        run,
        setting.model.scaling,
        verdict.Expectations(
            planned_replicas=play.planned_replicas,
            replicas_per_node=setting.replicas_per_node,
            nodes_per_replica=setting.model.nodes_per_replica,
            idle_nodes=setting.min_nodes,
            settled_by=play.duration_seconds + rest.patience_seconds(play, setting),
            headroom=setting.model.headroom,
            hold_ttft=play.hold_ttft,
        ),
    )


def _screen(setting: Setting, play: scenario.Scenario) -> AbstractContextManager[runner.Listener]:
    heading = f"drill {play.name} of {setting.model.name} on {setting.machine.name}"
    return LiveView(console, heading, _note(setting), ttft_slo_seconds=setting.model.slo.ttft_p99_seconds)


def _note(setting: Setting) -> str:
    times = f"boot {setting.boot_seconds:g} s, load {setting.load_seconds:g} s"
    pace = "in real time" if setting.compression == 1 else f"both divided by {setting.compression:g}"
    price = "" if setting.usd_per_node_hour is not None else "; without a known price"
    machines = f"machines ({times}, {pace}{price})"
    return f"simulated: {machines}, containers, requests; real: every decision that scales"
