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
    if provider and not plugin().is_file() and not _install_plugin(tools.command):
        _link(_built("pulumi-resource-kubernetes", reporter), plugin())
    return tools


def _found(said: Callable[[str], None] = lambda _: None) -> Tools | None:
    """The CLI on PATH if it is new enough, else one of an earlier run."""
    if command := _on_path(said):
        return Tools(command, home(), "on PATH")
    for source in ("downloaded", "built"):
        if command := _command(_folder(source)):
            return Tools(command, home(), source)
    return None


def _obtained(reporter: BuildReporter) -> Tools:
    if command := _downloaded(_folder("downloaded")):
        return Tools(command, home(), "downloaded")
    _link(_built("pulumi", reporter), _folder("built") / "bin" / "pulumi")
    if command := _command(_folder("built")):
        return Tools(command, home(), "built")
    raise FleetError(
        f"the Pulumi CLI in {_folder('built')} does not start",
        "remove that folder and run this again, or install the CLI: https://www.pulumi.com/docs/install/",
    )


def _folder(source: str) -> Path:
    return home() / "cli" / str(VERSION) / source


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


def _built(name: str, reporter: BuildReporter) -> Path:
    binaries.ensure(reporter, names=(name,))
    return binaries.path(name)


def _link(target: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(place)
