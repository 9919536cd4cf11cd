"""The error that a command ends with: what was wrong, and what to do next."""

INTERRUPTED = 130
"""The exit code of a command that a person stopped: 128 and the number of SIGINT."""


class FleetError(Exception):
    """A failure that a person can act on. Printed as two short lines, never as a traceback."""

    def __init__(self, problem: str, next_step: str) -> None:
        super().__init__(f"{problem}\nnext: {next_step}")
        self.problem = problem
        self.next_step = next_step


class DeployError(Exception):
    """A deployment failed, or was refused; the message is one failure in words, without secrets."""
