"""Which binaries there are: the rows of ``binaries.yaml``, and the versions that ``go.mod`` pins."""

import platform
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TOOLS = Path(__file__).parent / "tools"


@dataclass(frozen=True)
class Release:
    """One file to download, the document that holds its SHA-256, and the binary's place in an archive."""

    url: str
    checksums: str
    member: str = ""
    """Empty: the file is the binary itself."""


@dataclass(frozen=True)
class Binary:
    """One program: the module that pins it, its package, and the version that a build reports."""

    name: str
    module: str
    package: str
    stamp: tuple[tuple[str, str], ...] = ()
    version: str = field(default="", repr=False)
    embeds: tuple[str, ...] = field(default=(), repr=False)
    """The Go module, and the folder in it, whose JSON files a main package of our own embeds."""
    published: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Its release, with placeholders."""

    @property
    def release(self) -> Release | None:
        """Where it is published for this machine; None where it is not."""
        system, machine = platform.system().lower(), platform.machine().lower()
        arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
        values = {
            "name": self.name,
            "version": self.version,
            "os": system,
            "arch": arch,
            "x64": "x64" if arch == "amd64" else arch,
            "etcd_suffix": "tar.gz" if system == "linux" else "zip",
        }
        texts = {key: text.format(**values) for key, text in self.published}
        return Release(**texts) if texts else None


def _binary(name: str, row: dict[str, Any]) -> Binary:
    version = row.get("version") or _pinned(row["module"], row["package"])
    major, minor, _ = version.split(".", 2)
    stamp = {
        key: value.format(version=version, major=major, minor=minor)
        for key, value in row.get("stamp", {}).items()
    }
    return Binary(
        name,
        row["module"],
        row["package"],
        tuple(stamp.items()),
        version,
        tuple(row.get("embeds", ())),
        tuple(row.get("release", {}).items()),
    )


def _pinned(module: str, package: str) -> str:
    """The version in ``go.mod`` of the module that the package is in."""
    text = (TOOLS / module / "go.mod").read_text()
    pins: dict[str, str] = dict(re.findall(r"^\s*(\S+) v(\S+)", text, re.MULTILINE))
    return pins[max((pin for pin in pins if f"{package}/".startswith(f"{pin}/")), key=len)]


_ROWS = yaml.safe_load(Path(__file__).with_name("binaries.yaml").read_bytes())
BINARIES = tuple(_binary(name, row) for name, row in _ROWS["cluster"].items())
"""What the embedded cluster runs."""
PULUMI = tuple(_binary(name, row) for name, row in _ROWS["pulumi"].items())
"""What deploys, where the user has none."""
