"""Builds a plan. What fails becomes a finding: there is always a plan, if only of what is wrong."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from elastic_vllm.estimate.cost import envelope
from elastic_vllm.rules import policy
from elastic_vllm.rules.policy import Review, reviewed
from elastic_vllm.simulate.forecast import forecast
from elastic_vllm.spec import ClusterSpec, LocalCluster
from elastic_vllm.spec.finding import PLAN_INCOMPLETE, SEVERITIES, Finding, StackConfigError
from elastic_vllm.stack_file.config import read_stack_file
from elastic_vllm.stack_file.parsing import validate
from fleet.errors import FleetError, bug
from fleet.plan import graph, serving
from fleet.plan.background import in_background
from fleet.plan.document import Plan, Silenced
from fleet.workspace import Workspace

T = TypeVar("T")
D = TypeVar("D")


def today() -> date:
    """The day that prices and exceptions are judged by, alike on every machine."""
    return datetime.now(UTC).date()


def plan(root: Path, stack: str, today: date) -> Plan:
    """The plan of one stack of a checkout; prices and exceptions age by ``today``."""
    place = Workspace.at(root)
    path = place.stack_file(stack)
    if not path.is_file():
        raise FleetError(
            f"there is no stack file {path.relative_to(root)}",
            f"there are: {', '.join(place.names()) or 'none'}; see docs/stack-file.md for one of your own",
        )
    try:
        raw = read_stack_file(path)
        config = validate(raw)
        rules = policy.read(place.policy)
    except StackConfigError as refused:
        return Plan(stack=stack, findings=by_severity(refused.findings))
    failed: list[Finding] = []
    review = _part(
        "rules",
        partial(reviewed, config, stack, policy=rules, today=today),
        Review(findings=(), silenced=(), changed=()),
        failed,
    )
    stopped = bool(failed or review.errors)
    foreseen = None if stopped else in_background(forecast, config)
    record = partial(graph.record, root, stack, raw, config)
    resources = () if stopped else _part("program", record, (), failed)
    models = _part("models", partial(serving.models, config, resources), (), failed)
    cost = _part("cost", partial(envelope, config), None, failed)
    predicted = _part("forecast", foreseen, (), failed, lower=True) if foreseen else ()
    return Plan(
        stack=stack,
        cloud=config.cluster.cloud,
        region=_region(config.cluster),
        resources=resources,
        models=models,
        findings=by_severity((*failed, *review.findings)),
        silenced=tuple(
            Silenced(**{**vars(item), "reason": exception.reason}, expires=exception.expires)
            for item, exception in review.silenced
        ),
        cost=cost,
        forecast=predicted,
    )


def without(found: Plan, problem: Exception) -> Plan:
    """The plan as far as it came, with a finding of what ended it."""
    said = problem.problem if isinstance(problem, FleetError) else bug(problem)
    return found.model_copy(update={"findings": (PLAN_INCOMPLETE.at("plan", said), *found.findings)})


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Most severe first; among those of one severity the order of the rules."""
    return tuple(sorted(findings, key=lambda item: SEVERITIES.index(item.severity)))


def _part(
    key: str, work: Callable[[], T], instead: D, failed: list[Finding], *, lower: bool = False
) -> T | D:
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
