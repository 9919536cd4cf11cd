"""``fleet demo``: the whole of it once, on this machine, from nothing to the verdict."""

from pathlib import Path

from elastic_vllm.clouds.local.home import home, kubeconfig
from fleet import deploy
from fleet.cli.console import console
from fleet.cli.drill import DEFAULT_SCENARIO, ReportFolder, drill
from fleet.cli.options import workspace
from fleet.cli.stack import Printer, bring_up_all
from fleet.deploy.program import stack_ref
from fleet.drill.report import files
from fleet.drill.rest import await_no_nodes
from fleet.kube.apiserver import connect

STACK = "local"


def demo(report: ReportFolder = Path("drill-report")) -> None:
    """Deploy the local stack, run a ramp/peak/trough load test, and report pass or fail.

    Machines, containers and requests are simulated; Kubernetes, its HPA and scheduler, Karpenter and
    metrics-server are real. Leaves the stack running. Exits with 1 if a check failed.
    """
    place = workspace()
    pools = place.config(STACK).pools
    files.prepare(report)
    bring_up_all()
    console.print("\n[bold]from nothing[/]: what an earlier run left is destroyed")
    ref = stack_ref(STACK, root=place.root, kubeconfig=kubeconfig(), home=home())
    deploy.destroy(ref, reporter=Printer(unchanged=False))
    await_no_nodes(connect(kubeconfig()), [pool.name for pool in pools])
    console.print("no node is there")
    try:
        drill(STACK, DEFAULT_SCENARIO, report=report)
    finally:
        console.print(f"`fleet destroy --stack {STACK}` and `fleet cluster down` remove what was made")
