"""The same plan at another revision of the repository, made by that revision's own program.

Its files are unpacked into a folder of their own, and a process of its own prints the plan there, with the
revision's own library where the repository carries it, else with the installed one. Other Python packages are
this environment's: a revision that needs others may fail, and then the plan says so.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

import elastic_vllm
import fleet
from fleet.errors import FleetError
from fleet.plan.document import Plan
from fleet.workspace import Workspace

_SECONDS = 300


class NotComparableError(Exception):
    """The other revision has no plan to compare with; the message says why."""


@dataclass(frozen=True)
class Revision:
    """One commit, unpacked."""

    ref: str
    """What was asked for."""
    commit: str
    root: Path

    def has(self, stack: str) -> bool:
        """Whether the stack was there."""
        return Workspace.at(self.root).stack_file(stack).is_file()

    def plan(self, stack: str) -> Plan:
        """The stack's plan as that revision tells it."""
        if self._carries_fleet and not (self.root / "fleet" / "plan" / "__main__.py").is_file():
            raise NotComparableError(f"{self.ref} has no `fleet plan` yet")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "fleet.plan", stack],
                cwd=self.root,
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotComparableError(f"the program of {self.ref} took more than {_SECONDS} s") from None
        if done.returncode:
            last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise NotComparableError(f"the program of {self.ref} does not run here: {last}")
        try:
            return Plan.model_validate_json(done.stdout)
        except ValidationError:
            message = f"{self.ref} prints its plan in a version of the format that is not read here"
            raise NotComparableError(message) from None

    @property
    def _carries_fleet(self) -> bool:
        return (self.root / "fleet" / "__init__.py").is_file()

    def _environment(self) -> dict[str, str]:
        """This process's own, with that revision's modules in place of ours where it has them."""
        dropped = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONHOME")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        ours = [str(Path(str(package.__file__)).parents[1]) for package in (elastic_vllm, fleet)]
        places = [str(self.root / "components")] if self._carries_fleet else ours
        return kept | {"PYTHONPATH": os.pathsep.join(places)}


@contextmanager
def unpacked(root: Path, ref: str) -> Iterator[Revision]:
    """The files of a revision, in a temporary folder, for as long as they are needed."""
    commit = _commit(root, ref)
    with tempfile.TemporaryDirectory(prefix="fleet-plan-") as folder:
        if _git(root, "ls-tree", "--name-only", commit):  # the project may be new in its repository
            archive = _git(root, "archive", "--format=tar", commit)
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(folder, filter="data")
        yield Revision(ref, commit, Path(folder))


def _commit(root: Path, ref: str) -> str:
    try:
        _git(root, "rev-parse", "--git-dir")
    except subprocess.CalledProcessError:
        raise FleetError(
            f"{root} is not in a git repository, so there is no other revision to compare with",
            "leave --against out",
        ) from None
    try:
        return (
            _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
            .decode()
            .strip()
        )
    except subprocess.CalledProcessError:
        raise FleetError(
            f"there is no revision {ref!r} in this repository",
            "name a branch, a tag or a commit; `git fetch` brings those of a remote, as in origin/main",
        ) from None


def _git(root: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=True)
    except FileNotFoundError:
        raise FleetError("git is not on PATH", "install git, or leave --against out") from None
    return done.stdout
