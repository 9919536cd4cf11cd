"""``fleet catalog``: the checkpoints, accelerators and machines that a stack file can name."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from elastic_vllm import catalog
from elastic_vllm.catalog import CloudName, MachineRow
from fleet.cli.console import LOG_WIDTH, console

app = typer.Typer(no_args_is_help=True, help="List checkpoints, accelerators and machines, with prices.")

Row = Mapping[str, str | int | float | bool | None]


class Format(StrEnum):
    """How a list is printed."""

    TEXT = "text"
    JSON = "json"


FormatChoice = Annotated[Format, typer.Option("--format", help="json has the same figures")]
CloudChoice = Annotated[
    CloudName | None, typer.Option("--cloud", help="only what this cloud has; both clouds if left out")
]


@app.command()
def checkpoints(format_: FormatChoice = Format.TEXT) -> None:
    """List the Qwen3-VL checkpoints, and the size of their weights."""
    rows: list[Row] = [
        {
            "checkpoint": row.name,
            "precision": row.precision,
            "parametersB": row.params_b,
            "activeB": row.active_params_b,
            "weightsGb": row.weights_gb,
            "asOf": str(row.as_of),
        }
        for row in catalog.models().values()
    ]
    _print("checkpoints", rows, format_)


@app.command()
def accelerators(cloud: CloudChoice = None, format_: FormatChoice = Format.TEXT) -> None:
    """List the accelerators, and the cheapest machine of each cloud that has them."""
    offered = _machines(cloud)
    rows: list[Row] = []
    for name, row in catalog.accelerators().items():
        having = [machine for machine in offered if machine.accelerator == name]
        cheapest: dict[str, str | None] = {each: _cheapest(having, each) for each in _clouds(cloud)}
        if having:
            rows.append(
                {
                    "accelerator": name,
                    "title": row.title,
                    "memoryGib": round(row.memory_mib / 1024, 1),
                    "fp8": row.fp8_compute,
                    **cheapest,
                }
            )
    _print("accelerators, and the cheapest machine of each cloud on demand", rows, format_)


@app.command()
def machines(cloud: CloudChoice = None, format_: FormatChoice = Format.TEXT) -> None:
    """List the machines of each cloud, with their price on demand and its date."""
    rows: list[Row] = [
        {
            "cloud": row.cloud,
            "machine": row.name,
            "accelerator": row.accelerator,
            "gpus": row.gpus,
            "vcpus": row.cpu,
            "memoryGib": row.memory_mib // 1024,
            "usdPerHour": row.usd_per_hour,
            "region": row.price_region,
            "asOf": str(row.as_of),
        }
        for row in _machines(cloud)
    ]
    _print("machines", rows, format_)


def _clouds(cloud: CloudName | None) -> tuple[CloudName, ...]:
    return (cloud,) if cloud else ("aws", "gcp")


def _machines(cloud: CloudName | None) -> list[MachineRow]:
    return [row for owner in _clouds(cloud) for row in catalog.machines(owner).values()]


def _cheapest(having: Sequence[MachineRow], cloud: CloudName) -> str | None:
    prices = [(row.usd_per_hour, row) for row in having if row.cloud == cloud and row.usd_per_hour]
    if not prices:
        return None
    price, machine = min(prices, key=lambda pair: pair[0])
    return f"{machine.name} {price:.2f} USD/h ({machine.as_of})"


def _print(title: str, rows: Sequence[Row], format_: Format) -> None:
    if format_ is Format.JSON:
        sys.stdout.write(f"{json.dumps(rows, indent=2)}\n")
        return
    table = Table(title=title, title_justify="left")
    for key, value in rows[0].items():
        side: Literal["left", "right"] = "left" if isinstance(value, str) else "right"
        table.add_column(_HEADS.get(key, key), justify=side, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    screen = console if console.is_terminal else Console(width=LOG_WIDTH, highlight=False)
    screen.print(table)


def _cells(row: Row) -> Iterator[str]:
    for key, value in row.items():
        if key == "usdPerHour":
            yield "unknown" if value is None else f"{value:.2f}"
        elif isinstance(value, bool):
            yield "yes" if value else "no"
        else:
            yield "–" if value is None else str(value)


_HEADS = {
    "parametersB": "parameters, B",
    "activeB": "active, B",
    "weightsGb": "weights, GB",
    "memoryGib": "memory, GiB",
    "fp8": "FP8 in hardware",
    "vcpus": "vCPU",
    "gpus": "GPUs",
    "usdPerHour": "USD/h",
    "asOf": "as of",
}
"""Column titles where a key would not do."""
