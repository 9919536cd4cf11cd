"""``fleet cluster``: the embedded Kubernetes on this machine."""

import time

import typer
from rich.table import Table

from elastic_vllm.clouds.local.home import kubeconfig
from fleet.cli.console import Steps, console
from fleet.embedded import binaries, lifecycle

app = typer.Typer(no_args_is_help=True, help="The embedded Kubernetes: a real control plane on this machine.")


def bring_up() -> None:
    """Get missing binaries, start the cluster and say how long it took; also for other commands."""
    started = time.monotonic()
    with Steps() as steps:
        obtained = binaries.ensure(steps)
        place = lifecycle.up(steps)
    if obtained:
        _print_times(obtained)
    console.print(f"cluster ready in {time.monotonic() - started:.1f} s; kubeconfig: {place.kubeconfig}")


def _print_times(obtained: dict[str, float]) -> None:
    total = sum(obtained.values())
    table = Table("binary", "seconds", "share", title="first set-up: downloads and builds")
    for name, seconds in obtained.items():
        table.add_row(name, f"{seconds:.0f}", f"{seconds / total:.0%}")
    table.add_row("all", f"{total:.0f}", "100%")
    console.print(table)


@app.command()
def up() -> None:
    """Start the cluster; download or build missing binaries first."""
    bring_up()


@app.command()
def down() -> None:
    """Stop the cluster and remove its files. What was deployed on it is gone; the binaries stay."""
    console.print("cluster removed" if lifecycle.down() else "there is no cluster")


@app.command()
def build() -> None:
    """Download or build the binaries without starting anything."""
    with Steps() as steps:
        obtained = binaries.ensure(steps)
    if obtained:
        _print_times(obtained)
    else:
        console.print(f"nothing to do: all binaries are in {binaries.cache_dir()}")


@app.command()
def status() -> None:
    """Show every component, and end with 1 unless all are ready."""
    parts = lifecycle.status()
    if not parts:
        console.print("there is no cluster; `fleet cluster up` starts one")
        raise typer.Exit(1)
    for part in parts:
        colour = {"ready": "green", "not ready": "yellow", "stopped": "red"}[part.state]
        console.print(f"{part.name:<24} [{colour}]{part.state:<10}[/] {part.pid or '–':<8} {part.log}")
    console.print(f"kubeconfig: {kubeconfig()}")
    if any(part.state != "ready" for part in parts):
        raise typer.Exit(1)
