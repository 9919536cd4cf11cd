"""One run at a time for each stack: a lock on a file, which dies with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleet.errors import DeployError


@contextmanager
def stack_lock(home: Path, stack: str) -> Iterator[None]:
    """Hold the stack's lock; refuse at once when another process has it."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"{stack}.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise DeployError(
                f"stack {stack!r} is being changed by {holder}: wait until that is done, then run this again"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield
