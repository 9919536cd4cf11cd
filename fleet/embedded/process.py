"""A long-running process beside the control plane: started detached, known by its pid file."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fleet.embedded.environment import clean_environment
from fleet.errors import FleetError

STOP_SECONDS = 10
_PORTS = range(20_000, 30_000)
"""Below those that systems give to outgoing connections: a stopped cluster finds its own still free."""


@dataclass(frozen=True)
class Process:
    """What runs, and the folder that keeps its pid file and its log."""

    name: str
    command: tuple[str, ...]
    folder: Path

    @property
    def log(self) -> Path:
        """Everything that the process prints."""
        return self.folder / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def pid(self) -> int | None:
        """The process's id if it is alive and still the program that we started."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if command_of(pid).startswith(self.command[0]) else None

    def strays(self) -> list[int]:
        """The same program at work on the same folder, but not in our pid file: a killed command's."""
        known = self.pid()
        return [
            pid
            for pid, command in commands().items()
            if pid != known
            and Path(command.partition(" ")[0]).name == self.name
            and f"{self.folder}{os.sep}" in command
        ]

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it unless it runs; once more if it runs with other arguments. It outlives its starter."""
        end(self.strays())
        pid = self.pid()
        if pid is not None:
            if command_of(pid) == " ".join(self.command):
                return
            self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                self.command,
                env=clean_environment() | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid_file.write_text(str(started.pid))
        started.returncode = 0  # ours to start, not to wait for: it outlives this process

    def stop(self) -> None:
        """Ask it to end, wait, and insist after ten seconds."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self.pid() is not None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    break
                time.sleep(0.05)
        self._pid_file.unlink(missing_ok=True)
        end(self.strays())

    def last_lines(self, count: int = 5) -> str:
        """The end of the log, for an error message."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except FileNotFoundError:
            return "(no log)"


def commands() -> dict[int, str]:
    """The command line of every live process.

    A zombie is dead, unless threads of it are still ending (``l``): they hold its ports.
    """
    rows = (line.split(maxsplit=2) for line in _ps().splitlines())
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and _lives(row[1])}


def _ps() -> str:
    """One row for each process. Without it a cluster could be neither found nor ended, so nothing begins."""
    command = ["ps", "-ww", "-eo", "pid=,stat=,command="]
    try:
        return subprocess.run(
            command, env=clean_environment(), capture_output=True, text=True, check=True
        ).stdout
    except OSError as error:
        said = error.strerror
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip() or f"exit status {error.returncode}"
    raise FleetError(
        f"`{' '.join(command)}` failed, and the cluster's processes are found with it: {said}",
        "install procps (its `ps`) and have it on PATH, then run this again",
    )


def _lives(state: str) -> bool:
    return "Z" not in state or "l" in state


def command_of(pid: int) -> str:
    """The command line of a live process, empty when there is none."""
    return commands().get(pid, "")


def end(pids: Iterable[int]) -> None:
    """Kill processes, and return once they are gone."""
    left = set(pids)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + STOP_SECONDS
    while left & commands().keys() and time.monotonic() < deadline:
        time.sleep(0.05)


def free_port() -> int:
    """A port that nothing listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """As many different ports that nothing listens on now, each chosen by chance."""
    found: set[int] = set()
    while len(found) < count:
        port = secrets.choice(_PORTS)
        if is_free(port):
            found.add(port)
    return list(found)


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of any interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
