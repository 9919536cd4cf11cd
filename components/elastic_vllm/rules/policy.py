"""What a team makes of findings: ``policy.yaml`` raises, lowers or silences them, with a reason and an end.

An error cannot be lowered or silenced here: it will certainly fail, or breaks a limit that the stack file
itself sets, and the file is the place to change. An exception that has ended no longer counts, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from elastic_vllm import rules as checks
from elastic_vllm.project import stacks_folder
from elastic_vllm.section import config_error, near
from elastic_vllm.spec import Section
from elastic_vllm.spec.finding import Finding, StackConfigError, kind
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.spec.translation import findings_of

NAME = "policy.yaml"
"""Of the file, which is beside the stack files."""

POLICY_FILE = kind("policy-file")
EXPIRED = kind("policy-expired")
UNUSED = kind("policy-unused")
KINDS = {kind.id: kind for kind in (*checks.KINDS.values(), POLICY_FILE, EXPIRED, UNUSED)}
"""Every kind of finding by its id."""


class PolicyException(Section):
    """One finding, in one stack or in all, and what to make of it."""

    finding: str
    """The finding's id, from docs/findings.md."""
    stack: str | None = None
    """The stack it holds for; all of them when left out."""
    subject: str | None = None
    """The model or pool it holds for; all of them when left out."""
    key: str | None = None
    """The key it holds for, as the finding spells it; any when left out."""
    severity: Literal["silent", "info", "warning", "error"]
    """What the finding is instead."""
    reason: str = Field(min_length=15)
    """Why; the plan shows it."""
    expires: date
    """The last day on which it holds."""

    @model_validator(mode="after")
    def _the_finding_exists_and_may_be_changed(self) -> Self:
        kind = checks.KINDS.get(self.finding)
        if kind is None:
            hint = near(self.finding, checks.KINDS)
            raise config_error(
                "finding", f"unknown finding {self.finding!r}; {hint}docs/findings.md lists them"
            )
        if kind.severity == "error" and kind.lowered is None and self.severity != "error":
            raise config_error(
                "severity", f"{self.finding} is an error, which no policy lowers; change the stack file"
            )
        return self

    def covers(self, finding: Finding, stack: str) -> bool:
        """Whether it is about this finding of this stack; about an error it never is."""
        return (
            finding.id == self.finding
            and finding.severity != "error"
            and self.stack in (None, stack)
            and self.subject in (None, finding.subject)
            and self.key in (None, finding.key)
        )


class Policy(Section):
    """The whole file. Of several exceptions that cover a finding, the first counts."""

    exceptions: tuple[PolicyException, ...] = ()
    """What differs from the findings' own severity."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """The findings of a stack under a policy."""

    findings: tuple[Finding, ...]
    """What is left, each with the severity that holds."""
    silenced: tuple[tuple[Finding, PolicyException], ...]
    """What the policy silenced, and why."""
    changed: tuple[tuple[Finding, PolicyException], ...]
    """What has another severity by the policy, as it is now, and why."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops an update."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What an update says and goes on."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")


def reviewed(
    config: StackConfig, stack: str, *, policy: Policy | None = None, today: date | None = None
) -> Review:
    """The stack's findings under the committed policy, or under another."""
    on = today or date.today()  # noqa: DTZ011  # an exception ends with a plain date
    return review(checks.findings(config, on), policy or committed(), stack, on)


def review(findings: Sequence[Finding], policy: Policy, stack: str, today: date) -> Review:
    """Lay a policy on findings. What it says of itself comes last."""
    kept: list[Finding] = []
    silenced: list[tuple[Finding, PolicyException]] = []
    changed: list[tuple[Finding, PolicyException]] = []
    ended: dict[int, PolicyException] = {}
    used: set[int] = set()
    for finding in findings:
        covering = [(i, item) for i, item in enumerate(policy.exceptions) if item.covers(finding, stack)]
        used |= {index for index, _ in covering}
        ended |= {index: item for index, item in covering if item.expires < today}
        holding = next((item for _, item in covering if item.expires >= today), None)
        if holding is None or holding.severity == finding.severity:
            kept.append(finding)
        elif holding.severity == "silent":
            silenced.append((finding, holding))
        else:
            kept.append(replace(finding, severity=holding.severity, reason=holding.reason))
            changed.append((kept[-1], holding))
    of_itself = [_ended(index, item) for index, item in ended.items()]
    for index, item in enumerate(policy.exceptions):
        if item.stack == stack and index not in used:
            of_itself.append(_unused(index, item))
    return Review(
        findings=(*kept, *of_itself),
        silenced=tuple(silenced),
        changed=tuple(changed),
    )


def _ended(index: int, item: PolicyException) -> Finding:
    message = (
        f"the exception for {item.finding} ended on {item.expires} ({item.reason}); renew it, or do without"
    )
    return EXPIRED.at(f"policy.exceptions[{index}].expires", message, item.subject or "")


def _unused(index: int, item: PolicyException) -> Finding:
    message = f"covers no finding of stack {item.stack}; take the exception for {item.finding} out"
    return UNUSED.at(f"policy.exceptions[{index}]", message, item.subject or "")


def committed() -> Policy:
    """The policy of the project in the current folder, where Pulumi runs its program."""
    return _read_once(stacks_folder(Path.cwd()) / NAME)


@cache
def _read_once(path: Path) -> Policy:
    return read(path)


def read(path: Path) -> Policy:
    """A policy file, or one error that names every key to change."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Policy()
    try:
        raw = yaml.safe_load(text) or {}
    except yaml.YAMLError as problem:
        reason = str(problem).split("\n")[0]
        raise StackConfigError([POLICY_FILE.at(path.name, f"is not valid YAML: {reason}")]) from None
    try:
        return Policy.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as problem:
        found = findings_of(problem, raw, Policy)
        raise StackConfigError(
            [replace(item, id=POLICY_FILE.id, key=f"{path.name}: {item.key}") for item in found]
        ) from None
