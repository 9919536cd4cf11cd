"""``fleet demo``: the whole of it once, on this machine, from nothing to the verdict."""

from pathlib import Path

from elastic_vllm.clouds.local.home import home, kubeconfig
from elastic_vllm.stack_file import config as stack_config
from fleet import deploy
from fleet.cli.console import console
from fleet.cli.drill import DEFAULT_SCENARIO, ReportFolder, drill
from fleet.cli.stack import ROOT, Printer, bring_up_all
from fleet.deploy.program import stack_ref
from fleet.drill.report import files
from fleet.drill.rest import await_no_nodes
from fleet.kube.apiserver import connect

STACK = "local"


def demo(report: ReportFolder = Path("drill-report")) -> None:
    """Deploy the local stack from no node at all, drill it from ramp over peak to trough, and judge.

    Machines, containers and requests are simulated; Kubernetes, its HPA and scheduler, Karpenter and
    metrics-server are real. Leaves the stack running. Ends with 1 unless every promise was kept.
    """
    pools = stack_config.parse(stack_config.read_stack_file(ROOT / "stacks" / f"Pulumi.{STACK}.yaml")).pools
    files.prepare(report)
    bring_up_all()
    console.print("\n[bold]from nothing[/]: what an earlier run left is destroyed")
    ref = stack_ref(STACK, root=ROOT, kubeconfig=kubeconfig(), home=home())
    deploy.destroy(ref, reporter=Printer(unchanged=False))
    await_no_nodes(connect(kubeconfig()), [pool.name for pool in pools])
    console.print("no node is there")
    try:
        drill(STACK, DEFAULT_SCENARIO, report=report)
    finally:
        console.print(f"`fleet destroy --stack {STACK}` and `fleet cluster down` remove what was made")
