"""Findings, under the name by which the rules import them; they lie in ``spec``, below the clouds."""

from elastic_vllm.spec.finding import (
    PLAN_INCOMPLETE,
    SEVERITIES,
    STACK_FILE,
    Family,
    Finding,
    Kind,
    Severity,
    StackConfigError,
)

__all__ = [
    "PLAN_INCOMPLETE",
    "SEVERITIES",
    "STACK_FILE",
    "Family",
    "Finding",
    "Kind",
    "Severity",
    "StackConfigError",
]
