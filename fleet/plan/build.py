"""Puts a plan together. What fails becomes a finding: there is always a plan, if only of what is wrong."""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from elastic_vllm.estimate.cost import envelope
from elastic_vllm.rules.finding import PLAN_INCOMPLETE, Finding, StackConfigError
from elastic_vllm.spec import ClusterSpec
from elastic_vllm.spec.cluster import LocalCluster
from elastic_vllm.stack_file.config import read_stack_file
from elastic_vllm.stack_file.parsing import validate
from fleet.errors import FleetError, bug
from fleet.plan import graph, serving
from fleet.plan.checkout import stack_file, stacks
from fleet.plan.foresight import foresee
from fleet.plan.judged import judge, told
from fleet.plan.meanwhile import meanwhile
from fleet.plan.models import Plan
from fleet.plan.outlook import Cost

T = TypeVar("T")
Instead = TypeVar("Instead")


def plan(root: Path, stack: str, today: date) -> Plan:
    """The plan of one stack of a checkout; ``today`` is what prices and exceptions age by."""
    path = stack_file(root, stack)
    if not path.is_file():
        raise FleetError(
            f"there is no stack file stacks/{path.name}",
            f"there are: {', '.join(stacks(root)) or 'none'}; see docs/stack-file.md for one of your own",
        )
    try:
        raw = read_stack_file(path)
        config = validate(raw)
    except StackConfigError as refused:
        return Plan(stack=stack, findings=told(refused.findings))
    failed: list[Finding] = []
    findings, silenced = _part("rules", partial(judge, config, stack, today), ((), ()), failed)
    stopped = bool(failed) or any(item.severity == "error" for item in findings)
    foreseen = None if stopped else meanwhile(foresee, config)
    record = partial(graph.record, root, stack, raw, config)
    resources = () if stopped else _part("program", record, (), failed)
    models = _part("models", partial(serving.models, config, resources), (), failed)
    cost = _part("cost", lambda: Cost.model_validate(envelope(config)), None, failed)
    forecast = _part("forecast", foreseen, (), failed, lower=True) if foreseen else ()
    return Plan(
        stack=stack,
        cloud=config.cluster.cloud,
        region=_region(config.cluster),
        resources=resources,
        models=models,
        findings=(*told(failed), *findings),
        silenced=silenced,
        cost=cost,
        forecast=forecast,
    )


def without(found: Plan, problem: Exception) -> Plan:
    """The plan as far as it came, with a finding of what ended it."""
    said = problem.problem if isinstance(problem, FleetError) else bug(problem)
    return found.model_copy(update={"findings": (*told([PLAN_INCOMPLETE.at("plan", said)]), *found.findings)})


def _part(
    key: str, work: Callable[[], T], instead: Instead, failed: list[Finding], *, lower: bool = False
) -> T | Instead:
    """One part of the plan; where it fails, what stands in its place, and a finding among ``failed``."""
    try:
        return work()
    except StackConfigError as refused:
        failed += refused.findings
    except Exception as problem:  # noqa: BLE001  # the rest of the plan is worth having
        failed.append(PLAN_INCOMPLETE.at(key, bug(problem), lower=lower))
    return instead


def _region(cluster: ClusterSpec) -> str:
    return "" if isinstance(cluster, LocalCluster) else cluster.region
