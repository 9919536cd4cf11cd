"""What a command ends with: an error with its next step, or one line for a bug."""

import os
import traceback

DEBUG = "FLEET_DEBUG"
"""The environment variable that has the traceback of a bug printed; ``fleet --debug`` sets it."""

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


def bug(problem: Exception) -> str:
    """One line for an exception that no code expects. With ``--debug`` its traceback goes to stderr."""
    if os.environ.get(DEBUG):
        traceback.print_exception(problem)
    said = " ".join(f"{type(problem).__name__}: {problem}".split())
    return f"{said}; this is a bug of elastic-vllm: run with `fleet --debug` and report the traceback"
