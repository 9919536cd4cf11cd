"""One run at a time on what all runs share."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUseError(Exception):
    """Another run is at work."""


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Keep other runs off this folder. The lock lies beside it, for the folder goes."""
    file = home.with_name(f"{home.name}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(
                f"another run of the cluster tests uses {home} (it holds {file}): wait for its end, or set "
                "XDG_CACHE_HOME to another folder (the binaries are then built once more)"
            ) from None
        yield
