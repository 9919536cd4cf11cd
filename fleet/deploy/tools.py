"""Which Pulumi CLI runs, and where the embedded cluster's Kubernetes provider comes from.

The CLI: on PATH, else downloaded or built once per user, as the embedded cluster's binaries are. Clouds use
the user's PULUMI_HOME and its plugins; the embedded cluster uses a PULUMI_HOME of its own in the cache.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pulumi import automation as auto
from semver import VersionInfo

from elastic_vllm.clouds.local.cluster import PROVIDER_VERSION
from fleet.embedded import binaries
from fleet.embedded.binaries import BuildReporter
from fleet.errors import FleetError

MINIMUM = VersionInfo(3, 206)
"""Events over gRPC came with it; refresh and destroy with an inline program with 3.181."""
VERSION = VersionInfo.parse(binaries.version("pulumi"))
"""What is downloaded or built."""


@dataclass(frozen=True)
class Tools:
    """A CLI, and the PULUMI_HOME with the embedded cluster's provider."""

    command: auto.PulumiCommand
    home: Path
    source: str
    """Where the CLI comes from, in words."""


def home() -> Path:
    """The PULUMI_HOME of the embedded cluster's stacks."""
    return binaries.cache_dir() / "pulumi"


def plugin() -> Path:
    """Where the embedded cluster's provider is, or will be."""
    return home() / "plugins" / f"resource-kubernetes-v{PROVIDER_VERSION}" / "pulumi-resource-kubernetes"


def ready(*, provider: bool) -> Tools:
    """What ``ensure`` has put in place before; with the embedded cluster's provider if that is needed."""
    found = _found()
    if found is None or (provider and not plugin().is_file()):
        raise FleetError("Pulumi is not set up here", "`fleet up` sets it up, and so does `fleet preview`")
    return found


def ensure(reporter: BuildReporter, *, provider: bool, said: Callable[[str], None]) -> Tools:
    """A CLI, and the embedded cluster's provider if that is needed. Downloads or builds what is missing."""
    tools = _found(said) or _obtained(reporter)
    if provider and not plugin().is_file():
        _link(_put("pulumi-resource-kubernetes", reporter), plugin())
    return tools


def _found(said: Callable[[str], None] = lambda _: None) -> Tools | None:
    """The CLI on PATH if it is new enough, else ours of an earlier run."""
    if command := _on_path(said):
        return Tools(command, home(), "on PATH")
    if command := _command(_folder()):
        return Tools(command, home(), "in the cache")
    return None


def _obtained(reporter: BuildReporter) -> Tools:
    _link(_put("pulumi", reporter), _folder() / "bin" / "pulumi")
    if command := _command(_folder()):
        return Tools(command, home(), "in the cache")
    raise FleetError(
        f"the Pulumi CLI in {_folder()} does not start",
        "remove that folder and run this again, or install the CLI: https://www.pulumi.com/docs/install/",
    )


def _folder() -> Path:
    return home() / "cli" / str(VERSION)


def _on_path(said: Callable[[str], None]) -> auto.PulumiCommand | None:
    if shutil.which("pulumi") is None:
        return None
    try:
        return auto.PulumiCommand(version=MINIMUM)
    except (auto.InvalidVersionError, OSError, subprocess.SubprocessError) as error:
        said(f"the Pulumi CLI on PATH is not used: {error}")
        return None


def _command(root: Path) -> auto.PulumiCommand | None:
    """The CLI in a folder, if one is there and starts."""
    if not (root / "bin" / "pulumi").is_file():
        return None
    try:
        return auto.PulumiCommand(root=str(root), version=MINIMUM)
    except (auto.InvalidVersionError, OSError, subprocess.SubprocessError):
        return None


def _put(name: str, reporter: BuildReporter) -> Path:
    """A binary of ours, downloaded or built where it is not there yet."""
    binaries.ensure(reporter, names=(name,))
    return binaries.path(name)


def _link(target: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(place)
