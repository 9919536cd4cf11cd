"""``fleet cold-start``: the seconds until a new replica is Ready, with and without each measure."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from elastic_vllm import catalog
from elastic_vllm.estimate.placement import placed
from elastic_vllm.vllm.startup import Start
from fleet.cli.console import console
from fleet.cli.options import DEFAULT, StackName, workspace
from fleet.drill import coldstart
from fleet.drill.staging import model_of

ModelName = Annotated[str | None, typer.Option("--model", help="one model of the stack; all if left out")]


def cold_start(stack: StackName = DEFAULT, model: ModelName = None) -> None:
    """Show where the time of a cold start goes, for each model of a stack. Needs no cluster."""
    config = workspace().config(stack)
    chosen = model_of(config, model)
    for at in (at for at in placed(config) if model is None or at.model == chosen):
        gpus = f"{at.model.gpus_per_replica} x {at.accelerator.name}"
        title = f"{at.model.name}: {at.model.checkpoint} on {gpus}, {at.machine.name}, seconds"
        console.print(_printed(title, coldstart.table(at.model, at.machine, config.cluster)))
    console.print(f"engine and weights: {catalog.loading().source}")
    console.print(f"node and image: {catalog.timing(config.cluster.catalogue).source}")


def _printed(title: str, starts: Mapping[str, Start]) -> Table:
    made = Table("measure", title=title, title_justify="left")
    for column in ("node", "image", "engine start", "weights", "Ready", "saved"):
        made.add_column(column, justify="right")
    longest = starts["none"].seconds
    for measure, start in starts.items():
        parts = (start.boot, start.image, start.engine, start.weights, start.seconds, longest - start.seconds)
        made.add_row("baseline" if measure == "none" else measure, *(f"{part:.0f}" for part in parts))
    return made
