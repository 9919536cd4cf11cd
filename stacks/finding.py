"""What a check has to say about a stack, and the error that stops a stack with such findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to know, laid at the key to change."""

    id: str
    """The rule's name: stable, so that documentation and reports can point at it."""
    severity: Severity
    """An error will certainly fail when the stack runs; a warning may be intended."""
    key: str
    """The path in the stack file, as in ``models[0].engine.maxModelLen``."""
    message: str
    """What is wrong, what exists, what to do."""
    subject: str = ""
    """The name of the pool or model, where the key lies in one."""

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.key}{f' ({self.subject})' if self.subject else ''}: {self.message}"


class StackConfigError(ValueError):
    """A stack file that cannot be used. Its text is one line for each finding."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)
