"""What the cluster's processes are started with: enough to work, and no secret."""

import sys
import time
from pathlib import Path

import pytest

from fleet.embedded import binaries, control_plane, go
from fleet.embedded.layout import Layout
from fleet.embedded.process import Process
from tests.unit import fake_go

SECRETS = (
    "ELASTIC_VLLM_SECRET_API_KEYS",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_ACCESS_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "HF_TOKEN",
    "GITHUB_TOKEN",
    "SSH_AUTH_SOCK",
)
NEEDED = (
    "GOPROXY",
    "GOFLAGS",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "LANG",
    "SSL_CERT_FILE",
    "https_proxy",
    "NO_PROXY",
)


@pytest.fixture(autouse=True)
def _full_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*SECRETS, *NEEDED):
        monkeypatch.setenv(name, str(tmp_path))


def named(text: str) -> set[str]:
    return {line.partition("=")[0] for line in text.splitlines()}


def is_clean(names: set[str]) -> None:
    assert names.isdisjoint(SECRETS)
    assert names >= {"PATH", "HOME", *NEEDED}


def printing(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nenv > {target}\n")
    path.chmod(0o755)


def test_a_process_gets_what_it_needs_and_what_it_is_given_but_no_secret(tmp_path: Path) -> None:
    said = "import os; print(*os.environ, sep='\\n', flush=True); print('done', flush=True)"
    process = Process("child", (sys.executable, "-c", said), tmp_path)
    process.start({"KUBECONFIG": "ours"})
    deadline = time.monotonic() + 20
    while "done" not in process.last_lines(1) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.stop()
    names = named(process.log.read_text())
    is_clean(names)
    assert "KUBECONFIG" in names


def test_the_compiler_gets_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_go.install(tmp_path / "bin", monkeypatch)
    printing(fake.folder / "go", tmp_path / "seen")
    go.build(tmp_path, "example.com/tool", tmp_path / "tool", {}, lambda _: None)
    names = named((tmp_path / "seen").read_text())
    is_clean(names)
    assert names >= {"CGO_ENABLED", "GOWORK"}


def test_kubectl_gets_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printing(tmp_path / "kubectl", tmp_path / "seen")
    monkeypatch.setattr(binaries, "path", lambda name: tmp_path / name)
    control_plane.kubectl(Layout(tmp_path), "get")
    is_clean(named((tmp_path / "seen").read_text()))


def test_kwokctl_and_so_the_control_plane_get_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KWOK_KUBE_VERSION", "v1.0.0")
    printing(tmp_path / "kwokctl", tmp_path / "seen")
    monkeypatch.setattr(binaries, "path", lambda name: tmp_path / name)
    monkeypatch.setattr(control_plane, "is_serving", lambda _: True)
    control_plane.create_or_start(Layout(tmp_path))
    names = named((tmp_path / "seen").read_text())
    is_clean(names)
    assert "KWOK_WORKDIR" in names
    assert "KWOK_KUBE_VERSION" not in names
