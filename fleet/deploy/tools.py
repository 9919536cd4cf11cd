"""Which Pulumi CLI runs, and where the embedded cluster's Kubernetes provider comes from.

The CLI: on PATH, else downloaded once per user, else built from its Go module. Clouds use the user's
PULUMI_HOME and its plugins; the embedded cluster uses a PULUMI_HOME of its own in the cache.
"""

import shutil
import subprocess
import urllib.error
import urllib.request
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
VERSION = VersionInfo(3, 274, 1)
"""What is downloaded or built."""
HOST = "https://get.pulumi.com/"
_PROBE_SECONDS = 3


@dataclass(frozen=True)
class Tools:
    """A CLI, and the PULUMI_HOME with the embedded cluster's provider."""

    command: auto.PulumiCommand
    home: Path
    source: str
    """Where the CLI comes from, in words."""


class Quiet:
    """Reports no build: for callers that have made sure before that there is none."""

    def building(self, name: str, index: int, total: int) -> None:
        """A build starts."""

    def progress(self, packages: int) -> None:
        """So many packages are compiled."""

    def built(self, name: str, seconds: float) -> None:
        """A build ended."""


def home() -> Path:
    """The PULUMI_HOME of the embedded cluster's stacks."""
    return binaries.cache_dir() / "pulumi"


def plugin() -> Path:
    """Where the embedded cluster's provider is, or will be."""
    return home() / "plugins" / f"resource-kubernetes-v{PROVIDER_VERSION}" / "pulumi-resource-kubernetes"


def ensure(reporter: BuildReporter | None = None, *, said: Callable[[str], None] = lambda _: None) -> Tools:
    """A CLI and the embedded cluster's provider. Downloads or builds what is missing."""
    tools = ensure_cli(reporter, said=said)
    if not plugin().is_file() and not _install_plugin(tools.command):
        _link(_built("pulumi-resource-kubernetes", reporter), plugin())
    return tools


def ensure_cli(
    reporter: BuildReporter | None = None, *, said: Callable[[str], None] = lambda _: None
) -> Tools:
    """A CLI that will do, by the first way that works."""
    found = _on_path(said)
    if found:
        return Tools(found, home(), "on PATH")
    cache = home() / "cli" / str(VERSION)
    installed = _command(cache / "downloaded")
    if installed:
        return Tools(installed, home(), "downloaded")
    built = _command(cache / "built") or _downloaded(cache / "downloaded")
    if built is None:
        _link(_built("pulumi", reporter), cache / "built" / "bin" / "pulumi")
        built = _command(cache / "built")
    if built is None:
        raise FleetError(
            f"the Pulumi CLI in {cache} does not start",
            "remove that folder and run this again, or install the CLI: https://www.pulumi.com/docs/install/",
        )
    return Tools(
        built, home(), "downloaded" if Path(built.command).is_relative_to(cache / "downloaded") else "built"
    )


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


def _downloaded(root: Path) -> auto.PulumiCommand | None:
    """Download by the Automation API's own installer; None where its host cannot be reached."""
    if not reachable():
        return None
    try:
        return auto.PulumiCommand.install(root=str(root), version=VERSION)
    except (auto.InvalidVersionError, OSError, subprocess.SubprocessError):
        return None


def _install_plugin(command: auto.PulumiCommand) -> bool:
    """Download the provider by ``pulumi plugin install``; False where its host cannot be reached."""
    if not reachable():
        return False
    workspace = auto.LocalWorkspace(pulumi_command=command, pulumi_home=str(home()))
    try:
        workspace.install_plugin("kubernetes", f"v{PROVIDER_VERSION}")
    except auto.CommandError:
        return False
    return plugin().is_file()


def reachable() -> bool:
    """Whether Pulumi's download host answers; one short probe, so that nothing waits without a network."""
    request = urllib.request.Request(HOST, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True  # it answered
    except OSError:
        return False


def _built(name: str, reporter: BuildReporter | None) -> Path:
    binaries.ensure(reporter or Quiet(), names=(name,))
    return binaries.path(name)


def _link(target: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(place)
