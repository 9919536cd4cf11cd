"""The Go toolchain, as far as binaries need it: build a package, find a module.

Turns the toolchain's failures into errors with a next step.
"""

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from fleet.embedded.environment import clean_environment
from fleet.errors import FleetError

MINIMUM = (1, 26)
"""Kubernetes 1.36 and Karpenter 1.13 need it; the go lines of tools/*/go.mod say the same."""

FAILURES = yaml.safe_load(Path(__file__).with_name("failures.yaml").read_bytes())


def require() -> None:
    """Refuse early when Go is missing or too old."""
    if shutil.which("go") is None:
        raise FleetError(
            "Go is not on PATH",
            f"install Go {MINIMUM[0]}.{MINIMUM[1]} or newer (https://go.dev/dl), then run this again",
        )
    version, _, toolchain = _output(["go", "env", "GOVERSION", "GOTOOLCHAIN"], Path.cwd()).partition("\n")
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < MINIMUM and toolchain.strip() == "local":
        raise FleetError(
            f"{version} is too old, Go {MINIMUM[0]}.{MINIMUM[1]} or newer is needed",
            "install a newer one (https://go.dev/dl), or set GOTOOLCHAIN=auto",
        )


def build_cache() -> Path:
    """Where Go keeps compiled packages; the nearest folder that exists."""
    place = Path(_output(["go", "env", "GOCACHE"], Path.cwd()))
    return next(p for p in (place, *place.parents) if p.exists())


def build(
    module: Path, package: str, output: Path, stamp: Mapping[str, str], progress: Callable[[str], None]
) -> None:
    """Compile one package of a pinned module into ``output``."""
    ldflags = " ".join(["-s -w", *(f"-X {key}={value}" for key, value in stamp.items())])
    command = [
        "go",
        "build",
        "-v",
        "-trimpath",
        "-mod=readonly",
        "-ldflags",
        ldflags,
        "-o",
        str(output),
        package,
    ]
    tail: deque[str] = deque(maxlen=30)
    with subprocess.Popen(
        command,
        cwd=module,
        env=_environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        compiled = 0
        for line in process.stderr:
            tail.append(line.rstrip())
            if not line.startswith("go: "):
                compiled += 1
                progress(f"{compiled} packages compiled")
    if process.returncode:
        output.unlink(missing_ok=True)
        raise _failure(f"building {package}", list(tail))


def module_dir(module: Path, path: str) -> Path:
    """Where the Go module cache holds a required module, which is downloaded first where it is not there."""
    _output(["go", "mod", "download", path], module)
    return Path(_output(["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", path], module))


def _output(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failure(f"`{' '.join(command)}`", done.stderr.splitlines())
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    # Static binaries; a workspace file of the user's must not change what is built.
    return clean_environment() | {"CGO_ENABLED": "0", "GOWORK": "off"}


def _failure(what: str, lines: list[str]) -> FleetError:
    text = "\n".join(lines)
    for row in FAILURES["go"]:
        if found := re.search(row["pattern"], text):
            line = next(line for line in lines if found[0] in line)
            return FleetError(f"{what} failed: {row['problem']} ({line.strip()})", row["next"])
    shown = "\n  ".join(lines[-8:])
    return FleetError(f"{what} failed:\n  {shown}", "mend what the compiler names, then run this again")
