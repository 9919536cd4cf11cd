"""``fleet up | preview | destroy``: by the Pulumi CLI where there is one, else by the embedded engine."""

import json
import os
import re
import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from elastic_vllm.clouds.local.home import home, kubeconfig
from elastic_vllm.spec import LocalCluster
from elastic_vllm.stack_file import config as stack_config
from elastic_vllm.testing.values import Secret
from fleet.cli.cluster import bring_up
from fleet.cli.console import console
from fleet.embedded import engine, lifecycle
from fleet.embedded.engine import Outcome
from fleet.embedded.engine.changes import Action, Change
from fleet.embedded.engine.program import StackRef, stack_ref
from fleet.errors import FleetError

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: where Pulumi.yaml, the program and the stack files are."""


class Engine(StrEnum):
    """Who deploys."""

    AUTO = "auto"
    PULUMI = "pulumi"
    EMBEDDED = "embedded"


def _named(stack: str) -> str:
    """Pulumi's own rule for names of stacks; a file's path is the likely mistake."""
    if not re.fullmatch(r"[\w.-]{1,100}", stack) or stack.endswith((".yaml", ".yml")):
        raise typer.BadParameter("a stack goes by its name: local is the one in stacks/Pulumi.local.yaml")
    return stack


StackName = Annotated[
    str, typer.Option("--stack", "-s", callback=_named, help="the one in stacks/Pulumi.<STACK>.yaml")
]
EngineChoice = Annotated[
    Engine, typer.Option("--engine", help="auto: the Pulumi CLI if it is on PATH, else embedded")
]
Verbose = Annotated[bool, typer.Option("--all", help="also list what does not change")]

_COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.RETAIN: "cyan",
    Action.UNCHANGED: "dim",
}


class Printer:
    """Prints changes and progress as they come. Fulfils the engine's ``Reporter``; any thread may call."""

    def __init__(self, *, unchanged: bool) -> None:
        self._unchanged = unchanged
        self._last: dict[str, str] = {}

    def changed(self, change: Change) -> None:
        """One object, and the fields that change."""
        if change.action is not Action.UNCHANGED or self._unchanged:
            text = escape("\n".join(change.lines()))
            console.print(f"[{_COLOURS[change.action]}]{text}[/]")

    def progress(self, subject: str, state: str) -> None:
        """A new state of something that is waited for; the same again says nothing."""
        if self._last.get(subject) != state:
            self._last[subject] = state
            console.print(f"  [dim]{escape(subject)}: {escape(state)}[/]")

    def said(self, severity: str, message: str) -> None:
        """A message of the program or of the apiserver."""
        console.print(f"  {severity}: {escape(message)}")


def up(stack: StackName = "local", engine_: EngineChoice = Engine.AUTO, verbose: Verbose = False) -> None:
    """Deploy a stack. Starts the embedded cluster first where the stack lives there and none runs."""
    on_embedded_cluster = _lives_here(stack)
    chosen = _chosen(engine_, on_embedded_cluster)  # before anything is started: it may refuse
    if on_embedded_cluster and any(part.state != "ready" for part in lifecycle.status() or [_NONE]):
        bring_up()
    if chosen is Engine.PULUMI:
        _pulumi("up", stack, on_embedded_cluster)
    outcome = engine.up(_ref(stack), reporter=Printer(unchanged=verbose))
    _print_summary(outcome, "done")
    for name, value in sorted(outcome.outputs.items()):
        if value not in ({}, None):
            console.print(
                f"  {name}: {escape('[secret]' if isinstance(value, Secret) else json.dumps(value))}"
            )
    console.print(f"  kubeconfig: {kubeconfig()}")


def preview(
    stack: StackName = "local", engine_: EngineChoice = Engine.AUTO, verbose: Verbose = False
) -> None:
    """Show what `up` would change, to the field, and change nothing."""
    on_embedded_cluster = _lives_here(stack)
    if _chosen(engine_, on_embedded_cluster) is Engine.PULUMI:
        _pulumi("preview", stack, on_embedded_cluster)
    _print_summary(engine.preview(_ref(stack), reporter=Printer(unchanged=verbose)), "planned")


def destroy(stack: StackName = "local", engine_: EngineChoice = Engine.AUTO) -> None:
    """Delete all that a stack declared, in the reverse order; the cluster itself stays."""
    on_embedded_cluster = _lives_here(stack)
    if _chosen(engine_, on_embedded_cluster) is Engine.PULUMI:
        _pulumi("destroy", stack, on_embedded_cluster)
    ref = _ref(stack)
    if engine.owner(ref.kubeconfig, stack) is None:
        console.print(f"the embedded engine has no stack {stack} on this cluster: nothing to delete")
        return
    _print_summary(engine.destroy(ref, reporter=Printer(unchanged=False)), "done")


_NONE = lifecycle.Component("cluster", "stopped", None, "")


def _lives_here(stack: str) -> bool:
    """Whether the stack's cluster is the embedded one; reading the file checks all of it."""
    raw = stack_config.read_stack_file(ROOT / "stacks" / f"Pulumi.{stack}.yaml")
    return isinstance(stack_config.parse(raw).cluster, LocalCluster)


def _chosen(asked: Engine, on_embedded_cluster: bool) -> Engine:
    installed = shutil.which("pulumi") is not None
    if asked is Engine.EMBEDDED and not on_embedded_cluster:
        raise FleetError(
            "the embedded engine deploys to the embedded cluster only, and this stack's cluster is a cloud's",
            "leave --engine out and use the Pulumi CLI (https://www.pulumi.com/docs/install/)",
        )
    if not installed and (asked is Engine.PULUMI or not on_embedded_cluster):
        raise FleetError(
            "the Pulumi CLI is not on PATH",
            "install it: https://www.pulumi.com/docs/install/, then run this again"
            + ("; or leave --engine out" if on_embedded_cluster else ""),
        )
    chosen = Engine.PULUMI if installed and asked is not Engine.EMBEDDED else Engine.EMBEDDED
    console.print(f"engine: {'the Pulumi CLI' if chosen is Engine.PULUMI else 'embedded'}")
    return chosen


def _ref(stack: str) -> StackRef:
    if not kubeconfig().is_file():
        raise FleetError("no embedded cluster is there", "`fleet cluster up` starts one; so does `fleet up`")
    return stack_ref(stack, root=ROOT, kubeconfig=kubeconfig(), home=home())


def _pulumi(command: str, stack: str, on_embedded_cluster: bool) -> NoReturn:
    """Hand over to the CLI, which asks, shows and reports in its own way; its exit code is ours."""
    if on_embedded_cluster and kubeconfig().is_file() and engine.owner(kubeconfig(), stack) is not None:
        raise FleetError(
            f"stack {stack} was deployed by the embedded engine, and two engines would fight over it",
            f"go on with `--engine embedded`, or first `fleet destroy --stack {stack} --engine embedded`",
        )
    console.print(
        f"  pulumi {command} --stack {stack}  [dim](`pulumi stack init {stack}` first, if it knows none)[/]"
    )
    # In this process's place: Ctrl-C is the CLI's own to handle, and a state must not be left half-written.
    os.chdir(ROOT)
    os.execvp("pulumi", ["pulumi", command, "--stack", stack])  # noqa: S606  (found on PATH on purpose)


def _print_summary(outcome: Outcome, word: str) -> None:
    counts = [f"{outcome.count(action)} {action}" for action in Action if outcome.count(action)]
    console.print(f"{word}: {', '.join(counts) or 'nothing there'}")
