"""Options that several commands share: the project's folder, and the stack."""

import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated

import typer

from fleet.workspace import Workspace

DEFAULT = "<default>"
"""The stack of a command that names none. Not the empty text, which an unset shell variable gives."""

_directory: ContextVar[Path | None] = ContextVar("directory", default=None)


def _enter(directory: Path | None) -> Path | None:
    if directory is not None:
        _directory.set(directory)
    return directory


Directory = Annotated[
    Path | None,
    typer.Option(
        "-C",
        metavar="DIR",
        callback=_enter,
        help="use the Pulumi project in this folder or above it, not in the current one",
    ),
]


def directory() -> Path:
    """The folder that ``-C`` names, else the current one."""
    return _directory.get() or Path.cwd()


def workspace() -> Workspace:
    """The project that the running command works on."""
    return Workspace.find(directory())


def in_directory(command: Callable[..., None]) -> Callable[..., None]:
    """The command with ``-C`` among its own options: ``fleet plan -C DIR`` is ``fleet -C DIR plan``."""

    @wraps(command)
    def run(*, directory: Path | None = None, **options: object) -> None:
        del directory  # ``_enter`` has it
        command(**options)

    taken = signature(command)
    own = Parameter("directory", Parameter.KEYWORD_ONLY, default=None, annotation=Directory)
    run.__signature__ = taken.replace(parameters=[*taken.parameters.values(), own])  # type: ignore[attr-defined]  # read by Typer
    run.__annotations__ = {**command.__annotations__, "directory": Directory}
    return run


def start(directory: Directory = None) -> None:
    """Forget the folder of an earlier call in this process, unless this one names it."""
    _directory.set(directory)


def _named(stack: str) -> str:
    """Pulumi's own rule for names of stacks; a file's path is the likely mistake."""
    if stack == DEFAULT:
        return workspace().default()
    if not re.fullmatch(r"[\w.-]{1,100}", stack) or stack.endswith((".yaml", ".yml")):
        raise typer.BadParameter("invalid stack name; pass `local` for Pulumi.local.yaml")
    return stack


StackName = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        callback=_named,
        show_default="local, or the only one; FLEET_STACK names another",
        help="the stack in Pulumi.<STACK>.yaml",
    ),
]
