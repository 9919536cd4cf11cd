"""How ``fleet`` speaks: steps with their time, one line per failure; the same on a terminal and in a log."""

import os
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from fleet.errors import FleetError

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
LOG_WIDTH = 140
"""Of a table in a log or a pipe, which have no width of their own."""


def print_failure(error: FleetError) -> None:
    """The two lines that a command ends with when it failed."""
    print_problem(error.problem)
    errors.print(f"[yellow]next:[/]  {escape(error.next_step)}")


def print_problem(text: str) -> None:
    """One failure whose text says itself what to do."""
    errors.print(f"[red]error:[/] {escape(text)}")


class Steps:
    """Tells the steps of long work: a spinner on a terminal, and a line with its seconds when one is done.

    Fulfils the cluster's ``Reporter``.
    """

    def __init__(self) -> None:
        self._step: str | None = None
        self._started = 0.0
        self._status: Status | None = None
        self._built = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._stop_spinner()

    def step(self, text: str) -> None:
        """A step starts, and with it the last one ends."""
        self._finish()
        self._step, self._started = text, time.monotonic()
        if console.is_terminal:
            self._status = console.status(f"{text} …")
            self._status.start()

    def starting(self, what: str, index: int, total: int) -> None:
        """Work on a binary starts."""
        self.step(f"{index}/{total} {what}")

    def building(self, why: str) -> None:
        """The binary is built; before the first one, say how long that may take."""
        if not self._built:
            console.print(
                "some binaries are built from source, once per user, which takes minutes each "
                f"(CPUs here: {os.cpu_count()}); you may stop and go on"
            )
        self._built = True
        self.progress(f"building: {why}")

    def progress(self, text: str) -> None:
        """How far the running download or build is."""
        if self._status is not None:
            self._status.update(f"{self._step} … {text}")

    def ready(self, how: str) -> None:
        """The binary is there; its line is printed as its step ends."""
        self._step = f"{self._step}: {how}"
        self._finish()

    def _finish(self) -> None:
        self._stop_spinner()
        if self._step is not None:
            console.print(f"  {self._step}  [dim]{time.monotonic() - self._started:.1f} s[/]")
            sys.stdout.flush()
        self._step = None

    def _stop_spinner(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
