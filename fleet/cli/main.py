"""The root of the ``fleet`` command, and the one place where failures become lines and exit codes."""

import sys

import typer

from elastic_vllm.catalog import CatalogueError
from elastic_vllm.simulate.scenario import ScenarioError
from elastic_vllm.stack_file.config import StackConfigError
from elastic_vllm.testing.errors import ProgramError
from fleet.cli import cluster, coldstart, demo, deployer, drill, plan, quotas, stack
from fleet.cli.console import errors, print_failure, print_problem
from fleet.errors import INTERRUPTED, DeployError, FleetError
from fleet.kube.errors import KubeError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Qwen3-VL on vLLM on elastic GPUs: what a person runs beside `pulumi up`.",
)
app.add_typer(cluster.app, name="cluster")
for command in (
    plan.plan,
    stack.up,
    stack.preview,
    stack.refresh,
    stack.destroy,
    demo.demo,
    drill.drill,
    coldstart.cold_start,
    quotas.quotas,
    deployer.deployer,
):
    app.command()(command)


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 failed with its next step printed, 2 misused, 130 interrupted."""
    try:
        app()
    except FleetError as error:
        print_failure(error)
        sys.exit(1)
    except (CatalogueError, DeployError, KubeError, ProgramError, ScenarioError, StackConfigError) as error:
        print_problem(str(error))
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Typer turns Ctrl-C into this code, and says nothing
            errors.print("interrupted; the same command goes on from here")
        raise
