"""IAM policy documents and their statements, as plain data. Pure; imports no SDK."""

from collections.abc import Mapping, Sequence

Statement = Mapping[str, object]


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[object],
    condition: Mapping[str, object] | None = None,
) -> Statement:
    """A statement that allows; ``resources`` are ARNs, or outputs of them."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": [*resources]}
    return {**statement, "Condition": condition} if condition else statement


def document(statements: Sequence[Statement]) -> Mapping[str, object]:
    """A document of these statements."""
    return {"Version": "2012-10-17", "Statement": [*statements]}
