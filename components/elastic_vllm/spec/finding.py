"""Findings: what a rule or a cloud says about a stack, the kinds of them, and the error that stops a stack.

They lie below clouds and rules, which both make them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from elastic_vllm.catalog.tables import load

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


@cache
def _kinds() -> Mapping[str, Kind]:
    rows = load(Path(__file__).with_name("kinds.yaml"))
    return TypeAdapter(dict[str, Kind]).validate_python(
        {id_: {"id": id_, **row} for id_, row in rows.items()}
    )


def kind(id_: str) -> Kind:
    """The kind of this id in ``kinds.yaml``; ``KeyError`` where there is none."""
    return _kinds()[id_]


STACK_FILE = kind("stack-file")

PLAN_INCOMPLETE = kind("plan-incomplete")


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
