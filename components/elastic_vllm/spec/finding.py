"""Findings: what a rule or a cloud says about a stack, the kinds of them, and the error that stops a stack.

They lie below clouds and rules, which both make them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The gravest first."""
Family = Literal["file", "fit", "capacity", "scaling", "lifecycle", "security", "cost", "policy", "plan"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to know, laid at the key to change."""

    id: str
    """The kind's name: stable, so that documentation, policy and reports can point at it."""
    severity: Severity
    """An error will certainly fail, or breaks a limit that the file sets; a warning may be intended; info is
    worth knowing before a decision."""
    key: str
    """The path in the stack file, as in ``models[0].engine.maxModelLen``."""
    message: str
    """What is wrong, what exists, what to do."""
    subject: str = ""
    """The name of the pool or model, where the key lies in one."""
    reason: str = ""
    """Why the policy gave it this severity; empty where it is the rule's own."""

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.key}{f' ({self.subject})' if self.subject else ''}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of finding: what ``docs/findings.md`` says of it, and how a rule makes one."""

    id: str
    family: Family
    severity: Severity
    title: str
    """What is the case, in a few words."""
    why: str
    """What happens if nothing is done, and what to do: for someone who never met it."""

    lowered: Severity | None = None
    """The lesser severity that a rule may give in a case that ``why`` names; ``None`` where there is none."""

    def at(self, key: str, message: str, subject: str = "", *, lower: bool = False) -> Finding:
        """A finding of this kind."""
        severity = self.lowered if lower and self.lowered else self.severity
        return Finding(id=self.id, severity=severity, key=key, message=message, subject=subject)


STACK_FILE = Kind(
    id="stack-file",
    family="file",
    severity="error",
    title="A file that cannot be read as a stack",
    why="A misspelt key, a value of the wrong kind or out of bounds, a rule between two keys of one "
    "section. The message names the key, says what is wrong, what exists and what to do; "
    "`stacks/schema.json` shows most of it in an editor.",
)

PLAN_INCOMPLETE = Kind(
    id="plan-incomplete",
    family="plan",
    severity="error",
    lowered="warning",
    title="A part of the plan that could not be made",
    why="The stack file or the revision to compare with does not exist; or the program raised an exception "
    "that it does not expect, which is a bug. A warning where only the forecast is missing. Report a bug "
    "with the traceback that `fleet --debug plan` prints.",
)


class StackConfigError(ValueError):
    """A stack file that cannot be used. Its text is one line for each finding."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise ``StackConfigError`` if any of the findings is an error."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise StackConfigError(errors)
