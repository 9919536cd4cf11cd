"""Binaries are built once for their pins; a build that fails or is killed costs only itself."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from fleet.embedded import binaries, go
from fleet.errors import FleetError
from tests.unit import fake_go
from tests.unit.fake_go import FakeGo

NAMES = [binary.name for binary in binaries.BINARIES]


@dataclass
class Heard:
    """A reporter that remembers."""

    begun: list[tuple[str, int, int]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def building(self, name: str, index: int, total: int) -> None:
        self.begun.append((name, index, total))

    def progress(self, packages: int) -> None:
        pass

    def built(self, name: str, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append(name)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """An empty cache, room enough, and a Go that builds in no time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "disk_usage", room(100))
    return fake_go.install(tmp_path / "go-bin", monkeypatch)


def room(gib: int) -> Callable[[Path], object]:
    usage = type("Usage", (), {"free": gib * 2**30})
    return lambda _: usage()


def test_everything_is_built_once_and_told_with_its_share(fake: FakeGo) -> None:
    heard = Heard()
    seconds = binaries.ensure(heard)
    assert list(seconds) == NAMES == heard.ended
    assert heard.begun == [(name, index, len(NAMES)) for index, name in enumerate(NAMES, start=1)]
    assert binaries.missing() == []
    assert {file.name for file in binaries.crds()[0].iterdir()} == {"nodepools.yaml", "classes.yaml"}
    assert binaries.ensure(Heard()) == {}
    assert len(fake.calls("build")) == len(NAMES)


def test_a_failed_build_leaves_no_binary_and_the_next_run_goes_on_after_the_finished_ones(
    fake: FakeGo,
) -> None:
    class FullAfterTwo(Heard):
        def built(self, name: str, seconds: float) -> None:
            super().built(name, seconds)
            if len(self.ended) == 2:
                fake.fails_with("x: no space left on device\n")

    with pytest.raises(FleetError, match="the disk is full"):
        binaries.ensure(FullAfterTwo())
    assert [binary.name for binary in binaries.missing()] == NAMES[2:]
    fake.fails_with("")
    heard = Heard()
    binaries.ensure(heard)
    assert heard.ended == NAMES[2:]


def test_a_killed_build_leaves_nothing_under_the_binarys_name(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_module: Path, _package: str, output: Path, *_: object) -> NoReturn:
        output.write_text("half")
        raise SystemExit(137)

    monkeypatch.setattr(go, "build", killed)
    with pytest.raises(SystemExit):
        binaries.ensure(Heard())
    assert [binary.name for binary in binaries.missing()] == NAMES


def test_built_binaries_need_no_go(fake: FakeGo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binaries.ensure(Heard())
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert binaries.ensure(Heard()) == {}


def test_an_empty_cache_without_go_is_an_error_that_says_where_to_get_it(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(FleetError) as caught:
        binaries.ensure(Heard())
    assert "Go is not on PATH" in caught.value.problem
    assert "https://go.dev/dl" in caught.value.next_step


def test_a_first_build_without_room_is_refused_before_it_starts(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", room(3))
    with pytest.raises(FleetError) as caught:
        binaries.ensure(Heard())
    assert "3.0 GiB free" in caught.value.problem
    assert "XDG_CACHE_HOME" in caught.value.next_step
    assert fake.calls("build") == []


def test_a_last_build_needs_less_room_than_the_first(fake: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries.ensure(Heard())
    binaries.path("kwok").unlink()
    monkeypatch.setattr(shutil, "disk_usage", room(3))
    assert list(binaries.ensure(Heard())) == ["kwok"]


def test_a_cache_that_cannot_be_written_is_an_error_that_names_it(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(FleetError) as caught:
        binaries.ensure(Heard())
    assert str(tmp_path / "file") in caught.value.problem
    assert "XDG_CACHE_HOME" in caught.value.next_step


def test_a_disk_that_fills_up_while_definitions_are_copied_is_an_error_and_a_retry_copies_all(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(FleetError, match="No space left on device"):
            binaries.ensure(Heard())
    assert not any(folder.exists() for folder in binaries.crds())
    binaries.ensure(Heard())
    assert len(list(binaries.crds()[0].iterdir())) == 2


def test_a_terse_definition_lacks_prose_and_nothing_else() -> None:
    schema = {
        "description": "prose",
        "properties": {"description": {"type": "string", "description": "more"}},
    }
    assert binaries.undescribed([schema]) == [{"properties": {"description": {"type": "string"}}}]


def test_a_changed_pin_is_another_place_in_the_cache_for_its_module_alone(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {name: binaries.path(name) for name in NAMES}
    tools = tmp_path / "tools"
    shutil.copytree(binaries.TOOLS, tools)
    with (tools / "etcd" / "go.sum").open("a") as sums:
        sums.write("example.com/new v1.0.0 h1:x\n")
    monkeypatch.setattr(binaries, "TOOLS", tools)
    assert [name for name in NAMES if binaries.path(name) != before[name]] == ["etcd"]


def test_the_control_plane_says_its_own_version(fake: FakeGo) -> None:
    binaries.ensure(Heard())
    stamp = f"-X k8s.io/component-base/version.gitVersion=v{binaries.KUBERNETES_VERSION}"
    stamped = [call.rpartition("/")[2] for call in fake.calls("build") if stamp in call]
    assert stamped == ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"]
