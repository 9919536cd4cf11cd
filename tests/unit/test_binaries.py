"""Binaries are built once for their pins; a build that fails or is killed costs only itself.

Nothing is downloaded here: ``test_downloads.py`` has that.
"""

import errno
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from fleet.embedded import binaries, go, module_files, pins
from fleet.embedded.pins import BINARIES, TOOLS
from fleet.errors import FleetError
from tests.unit import fake_go
from tests.unit.fake_go import FakeGo

NAMES = [binary.name for binary in BINARIES]


@dataclass
class Heard:
    """A reporter that remembers."""

    begun: list[tuple[str, int, int]] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def starting(self, what: str, index: int, total: int) -> None:
        self.begun.append((what.partition(" ")[0], index, total))

    def building(self, why: str) -> None:
        self.why.append(why)

    def progress(self, text: str) -> None:
        pass

    def ready(self, how: str) -> None:
        assert how == f"built: {self.why[-1]}"
        self.ended.append(self.begun[-1][0])


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """An empty cache, room enough, no downloads, and a Go that builds in no time."""
    monkeypatch.setenv("ELASTIC_VLLM_DOWNLOADS", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "disk_usage", room(100))
    return fake_go.install(tmp_path / "go-bin", monkeypatch)


def room(gib: int) -> Callable[[Path], object]:
    usage = type("Usage", (), {"free": gib * 2**30})
    return lambda _: usage()


def test_everything_is_built_once_and_reported_in_its_order(fake: FakeGo) -> None:
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
        def ready(self, how: str) -> None:
            super().ready(how)
            if len(self.ended) == 2:
                fake.fails_with("x: no space left on device\n")

    with pytest.raises(FleetError, match="the disk is full"):
        binaries.ensure(FullAfterTwo())
    assert [binary.name for binary in binaries.missing()] == NAMES[2:]
    fake.fails_with("")
    heard = Heard()
    binaries.ensure(heard)
    assert heard.ended == NAMES[2:]


def test_pulumi_is_obtained_by_name_and_never_for_the_cluster_alone(fake: FakeGo) -> None:
    assert list(binaries.ensure(Heard(), names=("pulumi",))) == ["pulumi"]
    assert binaries.path("pulumi").is_file()
    assert [b.name for b in binaries.missing()] == NAMES
    assert binaries.ensure(Heard(), names=("pulumi",)) == {}


def test_the_provider_embeds_its_modules_schema_with_the_version_that_it_reports(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    shutil.copytree(TOOLS, tools)
    for folder in (tools / "pulumi-kubernetes", tools):
        folder.chmod(0o555)
    monkeypatch.setattr(pins, "TOOLS", tools)
    binaries.ensure(Heard(), names=("pulumi-resource-kubernetes",))
    built = binaries.path("pulumi-resource-kubernetes")
    assert built.read_text() == '{"name":"kubernetes","version":"4.25.0"}'
    assert [file.name for file in built.parent.iterdir()] == [built.name]
    assert sorted(file.name for file in (tools / "pulumi-kubernetes").iterdir()) == [
        "go.mod",
        "go.sum",
        "main.go",
    ]


def test_a_version_is_the_one_that_the_module_pins(fake: FakeGo) -> None:
    assert binaries.version("karpenter") == "1.13.0"
    assert binaries.version("pulumi-resource-kubernetes") == "4.25.0"


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


def test_a_command_that_waited_for_another_takes_what_that_one_built(fake: FakeGo) -> None:
    waiting = threading.Event()
    said: list[str] = []

    class Second(Heard):
        def starting(self, what: str, index: int, total: int) -> None:
            super().starting(what, index, total)
            waiting.set()

        def ready(self, how: str) -> None:
            said.append(how)

    second = threading.Thread(target=binaries.ensure, args=(Second(), ("etcd",)))

    class First(Heard):
        def building(self, why: str) -> None:
            super().building(why)
            second.start()
            assert waiting.wait(10)

    binaries.ensure(First(), names=("etcd",))
    second.join()
    assert said == ["another command has put it there"]
    assert len(fake.calls("build")) == 1


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
    assert caught.value.problem == "etcd must be built (downloads are off): Go is not on PATH"
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
    assert module_files.undescribed([schema]) == [{"properties": {"description": {"type": "string"}}}]


def test_a_changed_pin_is_another_place_in_the_cache_for_its_module_alone(
    fake: FakeGo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {name: binaries.path(name) for name in NAMES}
    tools = tmp_path / "tools"
    shutil.copytree(TOOLS, tools)
    with (tools / "etcd" / "go.sum").open("a") as sums:
        sums.write("example.com/new v1.0.0 h1:x\n")
    monkeypatch.setattr(pins, "TOOLS", tools)
    assert [name for name in NAMES if binaries.path(name) != before[name]] == ["etcd"]


def test_the_control_plane_says_its_own_version(fake: FakeGo) -> None:
    binaries.ensure(Heard())
    stamp = f"-X k8s.io/component-base/version.gitVersion=v{binaries.version('kubectl')}"
    stamped = [call.rpartition("/")[2] for call in fake.calls("build") if stamp in call]
    assert stamped == ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"]
