"""A ``go`` of ours on PATH: builds a file in no time, or fails with the real toolchain's words."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/calls"
case "$1 $2" in
  "env GOVERSION") cat "$here/version"; exit 0 ;;
  "env GOCACHE") echo "$here"; exit 0 ;;
  "mod "*) exit 0 ;;
  "list "*) echo "$here/module"; exit 0 ;;
esac
while [ "$1" != -o ]; do shift; done
printf half > "$2"
if [ -s "$here/failure" ]; then cat "$here/failure" >&2; exit 1; fi
printf 'go: downloading example.com/a v1.0.0\\nexample.com/a\\nexample.com/b\\n' >&2
printf whole > "$2"
[ ! -e schema.json ] || cat schema.json > "$2"
"""


@dataclass(frozen=True)
class FakeGo:
    """Where the script is, and what it is to do next."""

    folder: Path

    def fails_with(self, text: str) -> None:
        (self.folder / "failure").write_text(text)

    def is_version(self, version: str, toolchain: str) -> None:
        (self.folder / "version").write_text(f"{version}\n{toolchain}\n")

    def calls(self, verb: str) -> list[str]:
        record = self.folder / "calls"
        lines = record.read_text().splitlines() if record.is_file() else []
        return [line for line in lines if line.startswith(verb)]


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """Put the script before everything else on PATH."""
    folder.mkdir()
    script = folder / "go"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    for name in ("pkg/apis/crds", "kwok/apis/crds"):
        (folder / "module" / name).mkdir(parents=True)
    (folder / "module/pkg/apis/crds/nodepools.yaml").write_text("kind: CustomResourceDefinition\n")
    (folder / "module/kwok/apis/crds/classes.yaml").write_text("kind: CustomResourceDefinition\n")
    (folder / "module/cmd/pulumi-resource-kubernetes").mkdir(parents=True)
    (folder / "module/cmd/pulumi-resource-kubernetes/schema.json").write_text(
        '{"name": "kubernetes", "version": ""}\n'
    )
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
    fake = FakeGo(folder)
    fake.is_version("go1.26.4", "auto")
    fake.fails_with("")
    return fake
