"""The root of the ``fleet`` command, and the one place where failures become lines and exit codes."""

import os
import sys
from typing import Annotated

import typer

from elastic_vllm.catalog import CatalogueError
from elastic_vllm.clouds.local.home import ClusterMissingError
from elastic_vllm.simulate.scenario import ScenarioError
from elastic_vllm.stack_file.config import StackConfigError
from elastic_vllm.testing.registration import ProgramError
from fleet.cli import catalog, cluster, coldstart, demo, deployer, drill, init, plan, quotas, stack
from fleet.cli.console import errors, print_failure, print_problem
from fleet.cli.options import Directory, in_directory, start
from fleet.errors import DEBUG, INTERRUPTED, DeployError, FleetError, bug
from fleet.kube.errors import KubeError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Qwen3-VL on vLLM on elastic GPUs: plan, deploy and test stacks.",
)
app.add_typer(cluster.app, name="cluster")
app.add_typer(catalog.app, name="catalog")
for command in (
    init.init,
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
    app.command()(in_directory(command))


@app.callback()
def options(
    *,
    directory: Directory = None,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of a bug.")] = False,
) -> None:
    """Options of every command."""
    start(directory)
    if debug:
        os.environ[DEBUG] = "1"


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 failed with its next step printed, 2 misused, 130 interrupted."""
    try:
        app()
    except FleetError as error:
        print_failure(error)
        sys.exit(1)
    except StackConfigError as refused:
        for finding in refused.findings:
            print_problem(str(finding))
        sys.exit(1)
    except (
        CatalogueError,
        ClusterMissingError,
        DeployError,
        KubeError,
        ProgramError,
        ScenarioError,
    ) as error:
        print_problem(str(error))
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Typer turns Ctrl-C into this code, and says nothing
            errors.print("interrupted; run the same command again to resume")
        raise
    except Exception as problem:  # noqa: BLE001  # a traceback helps only who wrote it
        print_problem(bug(problem))
        sys.exit(1)
