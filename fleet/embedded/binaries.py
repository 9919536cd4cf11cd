"""The embedded cluster's binaries: built from pinned Go modules, once per user and version.

Each ``tools/<module>/go.mod`` pins what is built and each ``go.sum`` its bytes; a binary's place in the
cache is keyed by both, so that a changed pin is a new build and an unchanged one never is.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from fleet.embedded import go
from fleet.errors import FleetError

TOOLS = Path(__file__).parent / "tools"
KUBERNETES_VERSION = "1.36.3"
KWOK_VERSION = "0.8.0"
FREE_BYTES_TO_BUILD = 10 * 2**30
"""Go's module cache, its build cache and the binaries took 9 GiB (measured 2026-11-24)."""

_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_KUBERNETES_STAMP = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES_VERSION}",
    "k8s.io/component-base/version.gitMajor": _MAJOR,
    "k8s.io/component-base/version.gitMinor": _MINOR,
    "k8s.io/component-base/version.gitTreeState": "clean",
}
_KWOK_STAMP = {"sigs.k8s.io/kwok/pkg/consts.Version": f"v{KWOK_VERSION}"}


@dataclass(frozen=True)
class Binary:
    """One program to build: the module that pins it, its package, and the version it reports."""

    name: str
    module: str
    package: str
    stamp: tuple[tuple[str, str], ...] = ()


def _binary(name: str, module: str, package: str, stamp: dict[str, str] | None = None) -> Binary:
    return Binary(name, module, package, tuple((stamp or {}).items()))


BINARIES = (
    _binary("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    _binary("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", _KUBERNETES_STAMP),
    _binary(
        "kube-controller-manager",
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        _KUBERNETES_STAMP,
    ),
    _binary("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", _KUBERNETES_STAMP),
    _binary("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", _KUBERNETES_STAMP),
    _binary("kwokctl", "addons", "sigs.k8s.io/kwok/cmd/kwokctl", _KWOK_STAMP),
    _binary("kwok", "addons", "sigs.k8s.io/kwok/cmd/kwok", _KWOK_STAMP),
    _binary("metrics-server", "addons", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    # Karpenter's provider for kwok is a package called kwok as well, hence the name of its own.
    _binary("karpenter", "addons", "sigs.k8s.io/karpenter/kwok"),
    _binary("lws", "lws", "sigs.k8s.io/lws/cmd"),
)


@dataclass(frozen=True)
class Manifests:
    """Manifests that a controller stands on, from the very module that it is built from."""

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
    Manifests("addons", "crds", "sigs.k8s.io/karpenter", ("pkg/apis/crds", "kwok/apis/crds")),
    Manifests("lws", "crds", _LWS, ("config/crd/bases",), terse=True),
    Manifests("lws", "webhooks", _LWS, ("config/webhook",)),
)


class BuildReporter(Protocol):
    """Hears how the builds go. Seconds are wall-clock."""

    def building(self, name: str, index: int, total: int) -> None:
        """A build starts."""

    def progress(self, packages: int) -> None:
        """So many packages of the running build are compiled."""

    def built(self, name: str, seconds: float) -> None:
        """A build ended well."""


def cache_dir() -> Path:
    """Where binaries live: ``XDG_CACHE_HOME`` or the user's ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "elastic-vllm"


def _module_dir(module: str) -> Path:
    """The module's place in the cache, keyed by its pins, our stamps and this machine's kind."""
    digest = hashlib.sha256()
    for file in ("go.mod", "go.sum"):
        digest.update((TOOLS / module / file).read_bytes())
    digest.update(repr([b for b in BINARIES if b.module == module]).encode())
    kind = f"{platform.system()}-{platform.machine()}".lower()
    return cache_dir() / f"{module}-{digest.hexdigest()[:12]}-{kind}"


def path(name: str) -> Path:
    """Where a binary is, or will be once built."""
    binary = next(b for b in BINARIES if b.name == name)
    return _module_dir(binary.module) / name


def crds() -> tuple[Path, ...]:
    """The folders with the resource definitions of Karpenter, its kwok provider and LeaderWorkerSet."""
    return tuple(each.path for each in MANIFESTS if each.name == "crds")


def webhooks() -> Path:
    """The folder with LeaderWorkerSet's webhooks."""
    return next(each.path for each in MANIFESTS if each.name == "webhooks")


def missing() -> list[Binary]:
    """The binaries that have yet to be built."""
    return [b for b in BINARIES if not path(b.name).is_file()]


def ensure(reporter: BuildReporter) -> dict[str, float]:
    """Build what is missing; returns the seconds that each build took, empty when nothing was missing.

    Raises ``FleetError`` without Go, network or room; what was built so far is kept, so a retry goes on.
    """
    if not missing() and all(each.path.is_dir() for each in MANIFESTS):
        return {}
    try:
        with _build_lock():
            return _build_all(reporter)
    except OSError as error:
        raise FleetError(
            f"the binaries cannot be kept in {cache_dir()}: {error}",
            "make room or access there, or set XDG_CACHE_HOME to another disk, then run this again",
        ) from None


def _build_all(reporter: BuildReporter) -> dict[str, float]:
    todo = missing()
    if todo:
        go.require()
        _require_room()
    seconds: dict[str, float] = {}
    for index, binary in enumerate(todo, start=1):
        reporter.building(binary.name, index, len(todo))
        started = time.monotonic()
        _build(binary, reporter)
        seconds[binary.name] = time.monotonic() - started
        reporter.built(binary.name, seconds[binary.name])
    for each in MANIFESTS:
        if not each.path.is_dir():
            _copy(each)
    return seconds


def _build(binary: Binary, reporter: BuildReporter) -> None:
    target = path(binary.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    go.build(TOOLS / binary.module, binary.package, unfinished, dict(binary.stamp), reporter.progress)
    unfinished.replace(target)  # a killed build never leaves half a binary under its real name


def _copy(manifests: Manifests) -> None:
    module = go.module_dir(TOOLS / manifests.module, manifests.source)
    unfinished = manifests.path.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for folder in manifests.folders:
        for file in sorted((module / folder).glob("*.yaml")):
            target = unfinished / file.name
            shutil.copyfile(file, target)
            if manifests.terse:
                target.write_text(json.dumps(undescribed(yaml.safe_load(target.read_text()))))
    unfinished.replace(manifests.path)


def undescribed(schema: object) -> object:
    """The same without its prose; a property that is called ``description`` stays."""
    if isinstance(schema, dict):
        return {
            key: undescribed(value)
            for key, value in schema.items()
            if key != "description" or not isinstance(value, str)
        }
    return [undescribed(item) for item in schema] if isinstance(schema, list) else schema


def _require_room() -> None:
    cache_dir().mkdir(parents=True, exist_ok=True)
    free = min(shutil.disk_usage(place).free for place in (cache_dir(), go.build_cache()))
    if free < FREE_BYTES_TO_BUILD and len(missing()) == len(BINARIES):
        raise FleetError(
            f"too little room to build: {free / 2**30:.1f} GiB free, "
            f"a first build takes up to {FREE_BYTES_TO_BUILD / 2**30:.0f} GiB",
            "free some, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to a larger disk, and run this again",
        )


@contextmanager
def _build_lock() -> Iterator[None]:
    """One build at a time per user; the lock dies with its process."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
