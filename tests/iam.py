"""A small evaluator of IAM policies: Allow statements with the condition operators that ours use.

After https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html (2026-11-30):
a call is allowed where one statement has its action, its resource and every condition. A key that a call
lacks makes a condition false, except under ``ForAllValues``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request to AWS, as IAM sees it."""

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


def allows(statements: Iterable[Mapping[str, Any]], call: Call) -> bool:
    """Whether any of the statements allows the call."""
    return any(_allows(statement, call) for statement in statements)


def _allows(statement: Mapping[str, Any], call: Call) -> bool:
    assert statement["Effect"] == "Allow"
    return (
        any(_matches(call.action.lower(), action.lower()) for action in statement["Action"])
        and any(_matches(call.resource, resource) for resource in statement["Resource"])
        and all(
            _holds(operator, key, wanted, call.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(
    operator: str, key: str, wanted: str | Sequence[str], context: Mapping[str, str | Sequence[str]]
) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    compare = OPERATORS[plain]
    given = context.get(key)
    if given is None:
        return quantifier == "ForAllValues"
    values = [given] if isinstance(given, str) else given
    allowed = [wanted] if isinstance(wanted, str) else wanted
    assert quantifier == "ForAllValues" or len(values) == 1, f"{key} has several values"
    return all(any(compare(value, pattern) for pattern in allowed) for value in values)


def _equals(value: str, wanted: str) -> bool:
    return value == wanted


def _matches(value: str, pattern: str) -> bool:
    """IAM's wildcards are ``*`` and ``?``; brackets are plain characters."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": _matches,
    "ArnLike": _matches,
    "StringEquals": _equals,
    "StringLike": _matches,
}
"""``ArnEquals`` and ``ArnLike`` behave alike."""
