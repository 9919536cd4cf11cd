"""Builds a plan. A stack file that is refused gives a plan of its findings alone."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from elastic_vllm.estimate.cost import envelope
from elastic_vllm.rules.finding import SEVERITIES, Finding
from elastic_vllm.rules.policy import reviewed
from elastic_vllm.simulate.forecast import forecast
from elastic_vllm.spec import ClusterSpec
from elastic_vllm.spec.cluster import LocalCluster
from elastic_vllm.stack_file.config import StackConfigError, read_stack_file
from elastic_vllm.stack_file.parsing import validate
from fleet.errors import FleetError
from fleet.plan import graph, serving
from fleet.plan.background import in_background
from fleet.plan.checkout import stack_file, stacks
from fleet.plan.document import Plan, Silenced


def plan(root: Path, stack: str, today: date) -> Plan:
    """The plan of one stack of a checkout; prices and exceptions age by ``today``."""
    path = stack_file(root, stack)
    if not path.is_file():
        raise FleetError(
            f"there is no stack file stacks/{path.name}",
            f"there are: {', '.join(stacks(root)) or 'none'}; see docs/stack-file.md for one of your own",
        )
    try:
        raw = read_stack_file(path)
        config = validate(raw)
        review = reviewed(config, stack, today=today)
    except StackConfigError as refused:
        return Plan(stack=stack, findings=by_severity(refused.findings))
    stopped = bool(review.errors)
    foreseen = None if stopped else in_background(forecast, config)
    resources = () if stopped else graph.record(root, stack, raw, config)
    return Plan(
        stack=stack,
        cloud=config.cluster.cloud,
        region=_region(config.cluster),
        resources=resources,
        models=serving.models(config, resources),
        findings=by_severity(review.findings),
        silenced=tuple(
            Silenced(**{**vars(item), "reason": exception.reason}, expires=exception.expires)
            for item, exception in review.silenced
        ),
        cost=envelope(config),
        forecast=foreseen() if foreseen else (),
    )


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Most severe first; among those of one severity the order of the rules."""
    return tuple(sorted(findings, key=lambda item: SEVERITIES.index(item.severity)))


def _region(cluster: ClusterSpec) -> str:
    return "" if isinstance(cluster, LocalCluster) else cluster.region
