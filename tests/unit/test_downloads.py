"""A published binary is taken only with its checksum; whatever else a release host does costs a build."""

import os
import platform
import shutil
import socket
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.cli.console import Steps
from fleet.embedded import binaries, downloads
from fleet.embedded.pins import BINARIES, PULUMI, Binary
from fleet.errors import FleetError
from tests.unit import fake_go
from tests.unit.fake_go import FakeGo
from tests.unit.release_hosts import ReleaseHosts, packed, serving

PUBLISHED = [binary for binary in (*BINARIES, *PULUMI) if binary.release]
UNPUBLISHED = ["metrics-server", "karpenter", "lws"]
ETCD, KUBECTL = (next(b for b in BINARIES if b.name == name) for name in ("etcd", "kubectl"))


@pytest.fixture(autouse=True)
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """An empty cache, an x86 Linux, and a Go that builds in no time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100 * 2**30})())
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return fake_go.install(tmp_path / "go-bin", monkeypatch)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseHosts]:
    """Release hosts that publish everything that has a row."""
    with serving(monkeypatch, PUBLISHED) as started:
        yield started


def ensured(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    """The lines that a user sees, without their seconds."""
    with Steps() as steps:
        binaries.ensure(steps, names or None)
    return [line.rpartition("  ")[0].strip() for line in capsys.readouterr().out.splitlines()]


def content(binary: Binary) -> str:
    return binaries.path(binary.name).read_text()


def url(binary: Binary) -> str:
    assert binary.release is not None
    return binary.release.url


def leftovers(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.suffix in (".download", ".unfinished")]


def test_what_is_published_is_downloaded_and_the_rest_is_built(
    fake: FakeGo, hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ensured(capsys)
    assert "1/10 etcd 3.6.5: downloaded, checksum ok" in lines
    assert "9/10 karpenter 1.13.0: built: no release is published" in lines
    for binary in BINARIES:
        expected = "whole" if binary.name in UNPUBLISHED else f"published {binary.name}"
        assert content(binary) == expected
    assert os.access(binaries.path("etcd"), os.X_OK)
    assert os.access(binaries.path("kubectl"), os.X_OK)
    assert len(fake.calls("build")) == len(UNPUBLISHED)
    assert leftovers(binaries.cache_dir()) == []


def test_pulumi_comes_out_of_its_archives(hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str]) -> None:
    assert ensured(capsys, "pulumi", "pulumi-resource-kubernetes") == [
        "1/2 pulumi 3.274.1: downloaded, checksum ok",
        "2/2 pulumi-resource-kubernetes 4.25.0: downloaded, checksum ok",
    ]
    assert content(PULUMI[0]) == "published pulumi"
    assert content(PULUMI[1]) == "published pulumi-resource-kubernetes"


def test_downloads_alone_need_no_go(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert ensured(capsys, "etcd") == ["1/1 etcd 3.6.5: downloaded, checksum ok"]


def test_without_go_what_cannot_be_downloaded_is_said_before_anything_is(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        FleetError, match=r"metrics-server must be built \(no release is published\): Go is not"
    ):
        ensured(capsys)
    assert not binaries.path("etcd").exists()


def test_a_second_run_asks_no_host(hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str]) -> None:
    ensured(capsys, "etcd")
    hosts.asked.clear()
    assert ensured(capsys, "etcd") == []
    assert hosts.asked == []


@pytest.mark.parametrize("binary", [ETCD, KUBECTL], ids=["archive", "plain file"])
def test_a_file_that_differs_from_its_checksum_is_thrown_away_and_built(
    hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str], binary: Binary
) -> None:
    hosts.files[url(binary)] = packed(url(binary), "etcd-v3.6.5-linux-amd64/etcd", b"evil")
    assert ensured(capsys, binary.name)[-1].endswith(": built: the checksum of its release differs")
    assert content(binary) == "whole"
    assert leftovers(binaries.cache_dir()) == []


def test_a_release_that_is_not_there_is_built(
    hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str]
) -> None:
    del hosts.files[url(KUBECTL)]
    assert ensured(capsys, "etcd", "kubectl")[-1].endswith(
        "kubectl 1.36.3: built: 127.0.0.1 has no such release"
    )
    assert content(ETCD) == "published etcd"


def test_a_release_without_a_checksum_is_not_even_downloaded(
    hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ETCD.release
    hosts.files[ETCD.release.checksums] = b"<html>sign in to this network</html>"
    assert ensured(capsys, "etcd")[-1].endswith(": built: its release has no checksum")
    assert url(ETCD) not in hosts.asked[2:]


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        pytest.param("etcd-v3.6.5-linux-amd64/README.md", tarfile.REGTYPE, id="another file"),
        pytest.param("etcd-v3.6.5-linux-amd64/etcd", tarfile.DIRTYPE, id="a folder of its name"),
    ],
)
def test_an_archive_without_the_binary_is_built(
    hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str], member: str, kind: bytes
) -> None:
    release = ETCD.release
    assert release
    hosts.files[release.url] = packed(release.url, member, b"", kind)
    hosts.vouch(release)
    assert ensured(capsys, "etcd")[-1].endswith(": built: its release has no etcd-v3.6.5-linux-amd64/etcd")


def test_on_macos_etcd_comes_out_of_its_zip(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    hosts.publish(ETCD)
    assert ensured(capsys, "etcd") == ["1/1 etcd 3.6.5: downloaded, checksum ok"]
    assert content(ETCD) == "published etcd"
    assert os.access(binaries.path("etcd"), os.X_OK)


def test_without_go_a_download_that_failed_is_an_error_that_says_why(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del hosts.files[url(ETCD)]
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FleetError) as caught:
        ensured(capsys, "etcd")
    assert caught.value.problem == ("etcd must be built (127.0.0.1 has no such release): Go is not on PATH")
    assert "https://go.dev/dl" in caught.value.next_step


def test_a_download_that_breaks_off_is_built_and_leaves_nothing(
    hosts: ReleaseHosts, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts.truncated.add(url(KUBECTL))
    lines = ensured(capsys, "kubectl")
    assert ": built: " in lines[-1]
    assert content(KUBECTL) == "whole"
    assert leftovers(binaries.cache_dir()) == []


def test_a_server_that_hangs_is_asked_once_and_given_up_after_one_probe(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.2)
    hosts.hangs = True
    started = time.monotonic()
    lines = ensured(capsys)
    ensured(capsys, "pulumi")
    assert time.monotonic() - started < downloads.READ_SECONDS / 2
    assert lines[-1] == "10/10 lws 0.9.0: built: no release is published"
    assert lines.count("1/10 etcd 3.6.5: built: 127.0.0.1 cannot be reached") == 1
    assert len(hosts.asked) == 1


def test_a_server_that_stops_halfway_is_not_waited_for_again(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "READ_SECONDS", 0.5)
    hosts.stalled.add(url(ETCD))
    lines = ensured(capsys, "etcd", "kubectl")
    assert lines[-2].endswith("etcd 3.6.5: built: 127.0.0.1 stopped answering")
    assert lines[-1].endswith("kubectl 1.36.3: built: 127.0.0.1 cannot be reached")


def test_without_a_network_everything_is_built_at_once(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "_answers", {})
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("ELASTIC_VLLM_MIRROR", f"http://127.0.0.1:{port}")
    started = time.monotonic()
    lines = ensured(capsys)
    assert time.monotonic() - started < 10
    assert "1/10 etcd 3.6.5: built: 127.0.0.1 cannot be reached" in lines
    assert len(fake.calls("build")) == len(BINARIES)


def test_a_name_server_that_hangs_costs_one_probe(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.2)

    def hang(*_: object, **__: object) -> list[object]:
        hosts.let_go.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert ensured(capsys, "etcd")[-1].endswith(": built: 127.0.0.1 cannot be reached")


def test_downloads_can_be_switched_off(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELASTIC_VLLM_DOWNLOADS", "off")
    assert ensured(capsys, "etcd")[-1].endswith(": built: downloads are off")
    assert hosts.asked == []


def test_a_proxy_of_the_standard_variables_is_used(
    hosts: ReleaseHosts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = os.environ["ELASTIC_VLLM_MIRROR"].rstrip("/")
    monkeypatch.setenv("ELASTIC_VLLM_MIRROR", "http://releases.invalid")
    monkeypatch.setenv("http_proxy", server)
    assert ensured(capsys, "etcd") == ["1/1 etcd 3.6.5: downloaded, checksum ok"]


@pytest.mark.parametrize(
    ("name", "system", "machine", "expected"),
    [
        ("kubectl", "Linux", "aarch64", "https://dl.k8s.io/v1.36.3/bin/linux/arm64/kubectl"),
        (
            "etcd",
            "Darwin",
            "arm64",
            "https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-darwin-arm64.zip",
        ),
        (
            "kwokctl",
            "Linux",
            "x86_64",
            "https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwokctl-linux-amd64",
        ),
        (
            "pulumi",
            "Linux",
            "x86_64",
            "https://get.pulumi.com/releases/sdk/pulumi-v3.274.1-linux-x64.tar.gz",
        ),
    ],
)
def test_a_release_is_the_one_for_this_kind_of_machine(
    monkeypatch: pytest.MonkeyPatch, name: str, system: str, machine: str, expected: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert url(next(b for b in PUBLISHED if b.name == name)) == expected
