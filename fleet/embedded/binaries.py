"""The binaries of the embedded cluster and of Pulumi: downloaded or built, once per user and version.

Each ``tools/<module>/go.mod`` pins the versions and each ``go.sum`` the bytes that are built; a binary's
place in the cache is keyed by both. A published release of the pinned version is tried first.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fleet.embedded import downloads, go, module_files, pins
from fleet.embedded.pins import BINARIES, PULUMI, Binary
from fleet.errors import FleetError

FREE_BYTES_TO_BUILD = 10 * 2**30
"""Go's module cache, its build cache and the binaries took 9 GiB (measured 2026-11-24)."""


@dataclass(frozen=True)
class Manifests:
    """Manifests that a controller stands on, from the very module that it is built from."""

    binary: str
    module: str
    name: str
    source: str
    """The Go module that holds them."""
    folders: tuple[str, ...]
    terse: bool = False
    """Without descriptions: LeaderWorkerSet's are nine tenths of 3 MB, which each start would pay for."""

    @property
    def path(self) -> Path:
        """Where they are, or will be once copied."""
        return _module_dir(self.module) / self.name


_LWS = "sigs.k8s.io/lws"
MANIFESTS = (
    Manifests("karpenter", "addons", "crds", "sigs.k8s.io/karpenter", ("pkg/apis/crds", "kwok/apis/crds")),
    Manifests("lws", "lws", "crds", _LWS, ("config/crd/bases",), terse=True),
    Manifests("lws", "lws", "webhooks", _LWS, ("config/webhook",)),
)


class BuildReporter(Protocol):
    """Receives the progress of downloads and builds."""

    def starting(self, what: str, index: int, total: int) -> None:
        """Work on a binary starts: its name and version."""

    def building(self, why: str) -> None:
        """The binary is built, not downloaded, for this reason."""

    def progress(self, text: str) -> None:
        """How far the running download or build is."""

    def ready(self, how: str) -> None:
        """The binary is in place: downloaded, or built and why."""


def cache_dir() -> Path:
    """Where binaries live: ``XDG_CACHE_HOME`` or the user's ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "elastic-vllm"


def _module_dir(module: str) -> Path:
    """The module's place in the cache, keyed by its pins, our stamps and this machine's kind."""
    digest = hashlib.sha256()
    for file in sorted((pins.TOOLS / module).iterdir()):
        digest.update(file.read_bytes())
    digest.update(repr([b for b in (*BINARIES, *PULUMI) if b.module == module]).encode())
    kind = f"{platform.system()}-{platform.machine()}".lower()
    return cache_dir() / f"{module}-{digest.hexdigest()[:12]}-{kind}"


def _named(names: Collection[str] | None) -> list[Binary]:
    return [b for b in (*BINARIES, *PULUMI) if (b in BINARIES if names is None else b.name in names)]


def path(name: str) -> Path:
    """Where a binary is, or will be."""
    (binary,) = _named((name,))
    return _module_dir(binary.module) / name


def version(name: str) -> str:
    """The pinned version of a binary, without a ``v``."""
    (binary,) = _named((name,))
    return binary.version


def crds() -> tuple[Path, ...]:
    """The folders with the resource definitions of Karpenter, its kwok provider and LeaderWorkerSet."""
    return tuple(each.path for each in MANIFESTS if each.name == "crds")


def webhooks() -> Path:
    """The folder with LeaderWorkerSet's webhooks."""
    return next(each.path for each in MANIFESTS if each.name == "webhooks")


def missing(names: Collection[str] | None = None) -> list[Binary]:
    """The binaries that are not there yet; without names, of the embedded cluster's own."""
    return [b for b in _named(names) if not path(b.name).is_file()]


def ensure(reporter: BuildReporter, names: Collection[str] | None = None) -> dict[str, float]:
    """Download or build what is missing; without names, what the embedded cluster needs.

    Returns the seconds that each took, empty when nothing was missing. Raises ``FleetError`` where neither
    way works; what is ready by then is kept, so a retry goes on.
    """
    try:
        seconds = _obtain_all(missing(names), reporter)
        for each in MANIFESTS:
            if (names is None or each.binary in names) and not each.path.is_dir():
                _copy(each)
    except OSError as error:
        raise FleetError(
            f"the binaries cannot be kept in {cache_dir()}: {error}",
            "make room or access there, or set XDG_CACHE_HOME to another disk, then run this again",
        ) from None
    return seconds


def _obtain_all(todo: Sequence[Binary], reporter: BuildReporter) -> dict[str, float]:
    seconds: dict[str, float] = {}
    _probe(todo)
    built = {binary.name: why for binary in todo if (why := _why_built(binary))}
    if built:
        _require_go(*next(iter(built.items())))
        if len(built) == len(BINARIES):
            _require_room()
    for index, binary in enumerate(todo, start=1):
        started = time.monotonic()
        reporter.starting(f"{binary.name} {binary.version}", index, len(todo))
        reporter.ready(_obtain(binary, reporter))
        seconds[binary.name] = time.monotonic() - started
    return seconds


def _probe(todo: Sequence[Binary]) -> None:
    releases = [release for binary in todo if (release := binary.release)]
    if releases and not downloads.off():
        downloads.probe(releases)


def _why_built(binary: Binary) -> str | None:
    if binary.release is None:
        return "no release is published"
    return "downloads are off" if downloads.off() else downloads.obstacle(binary.release)


def _require_go(name: str, why: str) -> None:
    try:
        go.require()
    except FleetError as error:
        raise FleetError(f"{name} must be built ({why}): {error.problem}", error.next_step) from None


def _obtain(binary: Binary, reporter: BuildReporter) -> str:
    """Put a binary in its place; returns how that was done."""
    target = path(binary.name)
    with _lock(binary.module):
        if target.is_file():
            return "another command has put it there"
        why, release = _why_built(binary), binary.release
        if release is not None and why is None:
            try:
                downloads.fetch(release, target, reporter.progress)
            except downloads.NotDownloadedError as error:
                why = str(error)
            else:
                return "downloaded, checksum ok"
            _require_go(binary.name, why)
        reporter.building(str(why))
        _build(binary, target, reporter)
        return f"built: {why}"


def _build(binary: Binary, target: Path, reporter: BuildReporter) -> None:
    unfinished = target.with_suffix(".unfinished")
    sources = pins.TOOLS / binary.module
    if binary.embeds:
        pinned, sources = sources, target.parent / "sources"
        module, folder = binary.embeds
        embedded = go.module_dir(pinned, module) / folder
        module_files.copy_sources(pinned, embedded, binary.version, sources)
    go.build(sources, binary.package, unfinished, dict(binary.stamp), reporter.progress)
    unfinished.replace(target)  # a killed build never leaves half a binary under its real name
    if binary.embeds:
        shutil.rmtree(sources)


def _copy(manifests: Manifests) -> None:
    with _lock(manifests.module):
        module = go.module_dir(pins.TOOLS / manifests.module, manifests.source)
        folders = [module / folder for folder in manifests.folders]
        if not manifests.path.is_dir():
            module_files.copy_manifests(folders, manifests.path, terse=manifests.terse)


def _require_room() -> None:
    cache_dir().mkdir(parents=True, exist_ok=True)
    free = min(shutil.disk_usage(place).free for place in (cache_dir(), go.build_cache()))
    if free < FREE_BYTES_TO_BUILD:
        raise FleetError(
            f"too little room to build: {free / 2**30:.1f} GiB free, "
            f"a first build takes up to {FREE_BYTES_TO_BUILD / 2**30:.0f} GiB",
            "free some, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to a larger disk, and run this again",
        )


@contextmanager
def _lock(module: str) -> Iterator[None]:
    """One command at a time per module and user; the lock dies with its process."""
    folder = _module_dir(module)
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
