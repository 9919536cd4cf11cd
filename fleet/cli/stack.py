"""``fleet up | preview | refresh | destroy``: deploys a stack by the Pulumi CLI."""

import json
import sys
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape

from elastic_vllm.clouds.local.home import home, kubeconfig
from elastic_vllm.spec import LocalCluster
from elastic_vllm.testing.values import Secret
from fleet import deploy
from fleet.cli.cluster import bring_up
from fleet.cli.console import Steps, console
from fleet.cli.options import DEFAULT, StackName, workspace
from fleet.deploy import Outcome, tools
from fleet.deploy.changes import Action, Change
from fleet.deploy.commands import Stack
from fleet.deploy.program import CloudStack, run_file, stack_ref
from fleet.embedded import lifecycle
from fleet.errors import FleetError

Verbose = Annotated[bool, typer.Option("--all", help="also list what does not change")]
Refresh = Annotated[bool, typer.Option("--refresh", help="first read into the state what is really there")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask before a stack on a cloud is changed")]

_COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.RETAIN: "cyan",
    Action.UNCHANGED: "dim",
}
_NONE = lifecycle.Component("cluster", "stopped", None, "")


class Printer:
    """Prints changes and progress as they come. Fulfils ``deploy``'s ``Reporter``."""

    def __init__(self, *, unchanged: bool) -> None:
        self._unchanged = unchanged
        self._last: dict[str, str] = {}

    def changed(self, change: Change) -> None:
        """One resource, and the fields that change."""
        if change.action is not Action.UNCHANGED or self._unchanged:
            text = escape("\n".join(change.lines()))
            console.print(f"[{_COLOURS[change.action]}]{text}[/]")

    def progress(self, subject: str, state: str) -> None:
        """A new state of a resource that is waited for; the same again prints nothing."""
        if self._last.get(subject) != state:
            self._last[subject] = state
            console.print(f"  [dim]{escape(subject)}: {escape(state)}[/]")

    def said(self, severity: str, message: str) -> None:
        """A message of the program, a provider or the CLI."""
        console.print(f"  {severity}: {escape(message)}")


def up(
    stack: StackName = DEFAULT, refresh: Refresh = False, verbose: Verbose = False, yes: Yes = False
) -> None:
    """Deploy a stack. Starts the embedded cluster first where the stack is on it and none runs."""
    local = _on_embedded_cluster(stack)
    _ready_tools(local=local)  # before anything is started
    if local and any(part.state != "ready" for part in lifecycle.status() or [_NONE]):
        bring_up()
    chosen = _chosen(stack, local=local)
    if not local and not yes:
        _print_summary(deploy.preview(chosen, reporter=Printer(unchanged=verbose)), "planned")
        _ask(f"deploy this to stack {stack}?")
    outcome = deploy.up(chosen, reporter=Printer(unchanged=verbose), refresh=refresh)
    _print_summary(outcome, "done")
    for name, value in sorted(outcome.outputs.items()):
        if value not in ({}, None):
            console.print(
                f"  {name}: {escape('[secret]' if isinstance(value, Secret) else json.dumps(value))}"
            )
    if local:
        console.print(f"  kubeconfig: {kubeconfig()}")


def preview(stack: StackName = DEFAULT, verbose: Verbose = False) -> None:
    """Show what `up` would change, to the field, and change nothing."""
    outcome = deploy.preview(_existing(stack), reporter=Printer(unchanged=verbose))
    _print_summary(outcome, "planned")


def refresh(stack: StackName = DEFAULT, verbose: Verbose = False) -> None:
    """Read into Pulumi's state what is really there, and show what differed."""
    outcome = deploy.refresh(_existing(stack), reporter=Printer(unchanged=verbose))
    _print_summary(outcome, "read")


def destroy(stack: StackName = DEFAULT, yes: Yes = False) -> None:
    """Delete everything that a stack declared, in reverse order; the embedded cluster itself stays."""
    chosen = _existing(stack)
    if isinstance(chosen, CloudStack) and not yes:
        _ask(f"delete everything in stack {stack}?")
    _print_summary(deploy.destroy(chosen, reporter=Printer(unchanged=False)), "done")


def bring_up_all() -> None:
    """The embedded cluster and what deploys to it; also for other commands."""
    _ready_tools(local=True)
    bring_up()


def _on_embedded_cluster(stack: str) -> bool:
    """Whether the stack's cluster is the embedded one; reading the file checks all of it."""
    return isinstance(workspace().config(stack).cluster, LocalCluster)


def _ready_tools(*, local: bool) -> None:
    """Download or build what is missing, where a person sees it."""
    with Steps() as steps:
        found = tools.ensure(steps, provider=local, said=lambda words: console.print(f"  {escape(words)}"))
    console.print(f"pulumi {found.command.version}, {found.source}")


def _existing(stack: str) -> Stack:
    """A stack whose cluster has to be there already."""
    local = _on_embedded_cluster(stack)
    chosen = _chosen(stack, local=local)
    _ready_tools(local=local)
    return chosen


def _chosen(stack: str, *, local: bool) -> Stack:
    root = workspace().root
    if not local:
        return CloudStack(name=stack, program=partial(run_file, root), root=root)
    if not kubeconfig().is_file():
        raise FleetError("no embedded cluster is there", "`fleet cluster up` starts one; so does `fleet up`")
    return stack_ref(stack, root=root, kubeconfig=kubeconfig(), home=home())


def _ask(question: str) -> None:
    """A cloud costs money and serves users: nothing changes there without a word from a person."""
    if not sys.stdin.isatty():
        raise FleetError("this stack is on a cloud, and there is no terminal to ask on", "add --yes")
    if not typer.confirm(question):
        raise typer.Exit(1)


def _print_summary(outcome: Outcome, word: str) -> None:
    counts = [f"{outcome.count(action)} {action}" for action in Action if outcome.count(action)]
    console.print(f"{word}: {', '.join(counts) or 'nothing there'}")
