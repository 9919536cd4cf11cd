"""The cluster's files: closed to others, and of one version of this repository."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.cli.console import Steps
from fleet.embedded import addons, binaries, control_plane, lifecycle
from fleet.embedded.layout import Layout, layout
from fleet.embedded.pins import BINARIES, Binary
from fleet.embedded.process import Process
from fleet.errors import FleetError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory that everybody may read; everything that would run is left out."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("ELASTIC_VLLM_HOME", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(binaries, "ensure", lambda _: {})
    monkeypatch.setattr(control_plane, "create_or_start", _made)
    monkeypatch.setattr(control_plane, "kubectl", lambda *_, **__: "kubeconfig")
    for name in ("install", "start", "wait_until_ready"):
        monkeypatch.setattr(addons, name, lambda _: None)
    return folder


def _made(place: Layout) -> None:
    """Stands for kwokctl, whose files anybody may read."""
    assert mode(place.kwok) == mode(place.addons) == 0o700, "closed before the first key is written"
    place.control_plane.mkdir(parents=True, exist_ok=True)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def up() -> Layout:
    with Steps() as steps:
        return lifecycle.up(steps)


def test_keys_are_closed_to_others_in_a_state_directory_that_is_open(home: Path) -> None:
    up()
    assert mode(home) == 0o755, "the folder itself is the person's own choice"
    assert [mode(home / name) for name in ("kwok", "addons", "kubeconfig")] == [0o700, 0o700, 0o600]


def test_an_older_clusters_open_folders_are_closed(home: Path) -> None:
    place = up()
    place.kwok.chmod(0o755)
    place.addons.chmod(0o755)
    up()
    assert mode(place.kwok) == mode(place.addons) == 0o700


def test_a_cluster_of_this_version_goes_on_wherever_its_binaries_are_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up()
    monkeypatch.setenv(
        "XDG_CACHE_HOME", str(tmp_path / "another cache, with a name that YAML would quote: '")
    )
    up()


def other_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "BINARIES", (*BINARIES, Binary("new", "etcd", "x")))


def other_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "version", lambda _: "1.99.0")


def nothing_noted(_: pytest.MonkeyPatch) -> None:
    layout().maker.unlink()


@pytest.mark.parametrize("change", [other_pins, other_kubernetes, nothing_noted])
def test_a_cluster_of_another_version_is_refused_and_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    place = up()
    change(monkeypatch)
    for _ in range(2):
        with pytest.raises(FleetError, match="made by another version") as caught:
            up()
    assert caught.value.next_step.startswith("`fleet cluster down`, then `fleet cluster up`")
    assert "is lost" in caught.value.next_step
    assert place.created
    place.kubeconfig.unlink()  # as down does first
    monkeypatch.setattr(addons, "stop", lambda _: None)
    monkeypatch.setattr(control_plane, "delete", lambda _: None)
    up()
    up()


def port_taken(times: int) -> Callable[[Layout], None]:
    """A port that was free when it was chosen is another program's when it is used."""
    left = iter(range(times))

    def made(place: Layout) -> None:
        _made(place)
        if next(left, None) is not None:
            raise control_plane.PassingError("etcd could not start: port 9 is taken", "end that program")

    return made


@pytest.fixture
def removals(monkeypatch: pytest.MonkeyPatch) -> list[Layout]:
    removed: list[Layout] = []
    monkeypatch.setattr(addons, "stop", lambda _: None)
    monkeypatch.setattr(control_plane, "delete", removed.append)
    return removed


def test_a_new_cluster_whose_port_was_taken_meanwhile_is_made_on_others(
    home: Path,
    removals: list[Layout],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(control_plane, "create_or_start", port_taken(lifecycle.ATTEMPTS - 1))
    place = up()
    assert place.created
    assert place.maker.is_file()
    assert len(removals) == lifecycle.ATTEMPTS - 1
    assert "once more: etcd could not start: port 9 is taken" in capsys.readouterr().out


def test_a_port_that_is_taken_again_and_again_is_an_error(
    home: Path, removals: list[Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_plane, "create_or_start", port_taken(99))
    with pytest.raises(FleetError, match="port 9 is taken"):
        up()
    assert not layout().created


def test_a_cluster_that_is_there_is_never_removed_for_a_taken_port(
    home: Path, removals: list[Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = up()
    monkeypatch.setattr(control_plane, "create_or_start", port_taken(1))
    with pytest.raises(FleetError, match="port 9 is taken"):
        up()
    assert place.created
    assert removals == []


@pytest.mark.parametrize(
    ("component", "log", "said"),
    [
        ("etcd", "listen tcp 127.0.0.1:9: bind: address already in use", "port 9 is taken"),
        (
            "kube-controller-manager",
            "failed to wait for apiserver being healthy: timed out",
            "this machine is too busy",
        ),
    ],
)
def test_what_another_attempt_may_not_meet_is_told_from_its_components_log(
    tmp_path: Path, component: str, log: str, said: str
) -> None:
    place = Layout(tmp_path)
    logs = place.control_plane / "logs"
    logs.mkdir(parents=True)
    (logs / f"{component}.log").write_text(log)
    failure = control_plane._failure(place, "", [component])
    assert isinstance(failure, control_plane.PassingError)
    assert f"{component} could not start: " in failure.problem
    assert said in failure.problem


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("serving", [False, True])
def test_an_add_on_is_ready_only_while_an_apiserver_serves(
    home: Path, monkeypatch: pytest.MonkeyPatch, running: bool, serving: bool
) -> None:
    """Its process may outlive the control plane, and answer for its own health."""
    place = up()
    apiserver = os.getpid() if running else None
    pids = dict.fromkeys(control_plane.COMPONENTS, os.getpid()) | {"kube-apiserver": apiserver}
    monkeypatch.setattr(control_plane, "pids", lambda _: pids)
    monkeypatch.setattr(control_plane, "is_serving", lambda _: serving)
    monkeypatch.setattr(addons, "is_ready", lambda *_: True)
    monkeypatch.setattr(Process, "pid", lambda _: os.getpid())
    names = {process.name for process in addons.processes(place)}
    assert names
    expected = "ready" if serving and running else "not ready"
    states = {part.name: part.state for part in lifecycle.status()}
    assert {states[name] for name in names} == {expected}
