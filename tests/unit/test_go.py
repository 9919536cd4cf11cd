"""The Go toolchain's failures become errors that say what to do."""

from pathlib import Path

import pytest

from fleet.embedded import go
from fleet.errors import FleetError
from tests.unit import fake_go
from tests.unit.fake_go import FakeGo


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    return fake_go.install(tmp_path / "go-bin", monkeypatch)


def build(output: Path, progress: list[str] | None = None) -> None:
    said = [] if progress is None else progress
    go.build(output.parent, "example.com/tool", output, {"example.com/v.Version": "v1"}, said.append)


FULL_DISK = """\
example.com/a
# k8s.io/api/core/v1
write /home/me/.cache/go-build/b001/_pkg_.a: no space left on device
"""
NO_NAME_SERVER = """\
go: k8s.io/kubernetes@v1.36.3: Get "https://proxy.example.org/k8s.io/kubernetes/@v/v1.36.3.mod": \
dial tcp: lookup proxy.example.org on 127.0.0.53:53: server misbehaving
"""
REFUSED_CONNECTION = """\
go: k8s.io/kubernetes@v1.36.3: Get "http://127.0.0.1:1/k8s.io/kubernetes/@v/v1.36.3.mod": \
dial tcp 127.0.0.1:1: connect: connection refused
"""
FORBIDDEN = """\
go: k8s.io/kubernetes@v1.36.3: reading https://proxy.example/k8s.io/kubernetes/@v/v1.36.3.mod: 403 Forbidden
\tserver response: not allowed here
"""
OLD_GO = "go: go.mod requires go >= 1.99 (running go 1.26.4; GOTOOLCHAIN=local)\n"
NO_TOOLCHAIN = "go: download go1.99 for linux/amd64: toolchain not available\n"
KILLED = """\
example.com/a
k8s.io/kubernetes/pkg/apis/core: /usr/local/go/pkg/tool/linux_amd64/compile: signal: killed
"""
NO_MEMORY = "fork/exec /usr/local/go/pkg/tool/linux_amd64/compile: cannot allocate memory\n"


@pytest.mark.parametrize(
    ("said", "problem", "next_step"),
    [
        pytest.param(FULL_DISK, "the disk is full", "free some room", id="full disk"),
        pytest.param(
            NO_NAME_SERVER, "proxy cannot be reached", "the network or GOPROXY", id="no name server"
        ),
        pytest.param(REFUSED_CONNECTION, "proxy cannot be reached", "the network or GOPROXY", id="no proxy"),
        pytest.param(FORBIDDEN, "proxy refuses a module", "check GOPROXY", id="proxy forbids"),
        pytest.param(OLD_GO, "this Go is too old", "https://go.dev/dl", id="old Go"),
        pytest.param(NO_TOOLCHAIN, "this Go is too old", "GOTOOLCHAIN=auto", id="no such toolchain"),
        pytest.param(KILLED, "want of memory", "GOFLAGS=-p=1", id="compiler killed"),
        pytest.param(NO_MEMORY, "want of memory", "GOFLAGS=-p=1", id="no memory"),
    ],
)
def test_a_failure_is_named_with_its_line_and_a_next_step(
    fake: FakeGo, tmp_path: Path, said: str, problem: str, next_step: str
) -> None:
    fake.fails_with(said)
    with pytest.raises(FleetError) as caught:
        build(tmp_path / "tool")
    assert problem in caught.value.problem
    assert "example.com/tool" in caught.value.problem
    assert any(line in caught.value.problem for line in map(str.strip, said.splitlines()))
    assert next_step in caught.value.next_step
    assert len(caught.value.problem.splitlines()) == 1


def test_what_the_compiler_says_is_shown_as_it_is(fake: FakeGo, tmp_path: Path) -> None:
    fake.fails_with("# example.com/tool\n./main.go:3:8: undefined: missing\n")
    with pytest.raises(FleetError, match=r"main\.go:3:8: undefined: missing"):
        build(tmp_path / "tool")


def test_half_a_binary_does_not_survive_its_failure(fake: FakeGo, tmp_path: Path) -> None:
    fake.fails_with(KILLED)
    with pytest.raises(FleetError):
        build(tmp_path / "tool")
    assert not (tmp_path / "tool").exists()


def test_compiled_packages_are_counted_and_downloads_are_not(fake: FakeGo, tmp_path: Path) -> None:
    progress: list[str] = []
    build(tmp_path / "tool", progress)
    assert progress == ["1 packages compiled", "2 packages compiled"]
    assert (tmp_path / "tool").read_text() == "whole"


def test_a_build_keeps_to_the_pins_and_stamps_the_version(fake: FakeGo, tmp_path: Path) -> None:
    build(tmp_path / "tool")
    (call,) = fake.calls("build")
    assert "-mod=readonly" in call
    assert "-X example.com/v.Version=v1" in call
    assert call.count("example.com/tool") == 1


def test_without_go_the_error_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError) as caught:
        go.require()
    assert "Go is not on PATH" in caught.value.problem
    assert "Go 1.26" in caught.value.next_step
    assert "https://go.dev/dl" in caught.value.next_step


def test_an_old_go_that_may_not_fetch_a_newer_one_is_refused_early(fake: FakeGo) -> None:
    fake.is_version("go1.25.9", "local")
    with pytest.raises(FleetError, match=r"go1\.25\.9 is too old"):
        go.require()


@pytest.mark.parametrize(
    ("version", "toolchain"), [("go1.25.9", "auto"), ("go1.26.0", "local"), ("go2.0", "local")]
)
def test_a_go_that_is_new_enough_or_fetches_a_newer_one_will_do(
    fake: FakeGo, version: str, toolchain: str
) -> None:
    fake.is_version(version, toolchain)
    go.require()
    assert fake.calls("env") == ["env GOVERSION GOTOOLCHAIN"]


def test_a_module_is_downloaded_and_found_where_go_keeps_it(fake: FakeGo, tmp_path: Path) -> None:
    assert go.module_dir(tmp_path, "example.com/module") == fake.folder / "module"
    assert fake.calls("mod") == ["mod download example.com/module"]
