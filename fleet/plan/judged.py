"""What the rules and the policy say of a stack, in the words of the plan."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date

from elastic_vllm.rules import finding
from elastic_vllm.rules.finding import SEVERITIES
from elastic_vllm.rules.policy import Policy, reviewed
from elastic_vllm.spec.stack import StackConfig
from fleet.plan.models import Finding, Silenced


def judge(
    config: StackConfig, stack: str, today: date, policy: Policy
) -> tuple[tuple[Finding, ...], tuple[Silenced, ...]]:
    """The findings that count, the gravest first, and those that the policy silences."""
    review = reviewed(config, stack, policy=policy, today=today)
    silenced = tuple(
        Silenced.model_validate({**asdict(item), "reason": exception.reason, "expires": exception.expires})
        for item, exception in review.silenced
    )
    return told(review.findings, {item: exception.reason for item, exception in review.changed}), silenced


def told(
    findings: Iterable[finding.Finding], reasons: Mapping[finding.Finding, str] | None = None
) -> tuple[Finding, ...]:
    """Findings as the plan has them; among those of one severity the order of the rules."""
    made = [
        Finding.model_validate({**asdict(item), "reason": (reasons or {}).get(item, "")}) for item in findings
    ]
    return tuple(sorted(made, key=lambda item: SEVERITIES.index(item.severity)))
