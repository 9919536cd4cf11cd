"""Puts a plan together. A stack file that is refused makes a plan too: one of nothing but what is wrong."""

from datetime import date
from pathlib import Path

from elastic_vllm.estimate.cost import envelope
from elastic_vllm.rules import policy
from elastic_vllm.spec import ClusterSpec
from elastic_vllm.spec.cluster import LocalCluster
from elastic_vllm.stack_file.config import StackConfigError, read_stack_file
from elastic_vllm.stack_file.parsing import validate
from fleet.errors import FleetError
from fleet.plan import graph, serving
from fleet.plan.checkout import stack_file, stacks
from fleet.plan.foresight import foresee
from fleet.plan.judged import judge, told
from fleet.plan.meanwhile import meanwhile
from fleet.plan.models import Plan
from fleet.plan.outlook import Cost
from fleet.workspace import Workspace


def plan(root: Path, stack: str, today: date) -> Plan:
    """The plan of one stack of a checkout; ``today`` is what prices and exceptions age by."""
    path = stack_file(root, stack)
    if not path.is_file():
        raise FleetError(
            f"there is no stack file {path.relative_to(root)}",
            f"there are: {', '.join(stacks(root)) or 'none'}; see docs/stack-file.md for one of your own",
        )
    try:
        raw = read_stack_file(path)
        config = validate(raw)
        findings, silenced = judge(config, stack, today, policy.read(Workspace.at(root).policy))
    except StackConfigError as refused:
        return Plan(stack=stack, findings=told(refused.findings))
    stopped = any(item.severity == "error" for item in findings)
    foreseen = None if stopped else meanwhile(foresee, config)
    resources = () if stopped else graph.record(root, stack, raw, config)
    return Plan(
        stack=stack,
        cloud=config.cluster.cloud,
        region=_region(config.cluster),
        resources=resources,
        models=serving.models(config, resources),
        findings=findings,
        silenced=silenced,
        cost=Cost.model_validate(envelope(config)),
        forecast=foreseen() if foreseen else (),
    )


def _region(cluster: ClusterSpec) -> str:
    return "" if isinstance(cluster, LocalCluster) else cluster.region
