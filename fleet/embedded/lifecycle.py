"""``fleet cluster up | down | status``: the embedded cluster as a whole.

Up is safe to repeat and safe to kill: a half-made cluster is removed and made again, a stopped one starts
where it was, a running one is left alone.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from fleet.embedded import addons, binaries, control_plane
from fleet.embedded.binaries import BuildReporter
from fleet.embedded.layout import Layout, layout
from fleet.errors import FleetError


class Reporter(BuildReporter, Protocol):
    """Hears how bringing the cluster up goes."""

    def step(self, text: str) -> None:
        """A step starts; it lasts until the next one."""


ATTEMPTS = 3
"""At a new control plane, each on other ports."""
State = Literal["ready", "not ready", "stopped"]


@dataclass(frozen=True)
class Component:
    """One process of the cluster."""

    name: str
    state: State
    pid: int | None
    log: str


def up(reporter: Reporter) -> Layout:
    """Return with a cluster whose every part is ready. Raises ``FleetError`` with the next step."""
    place = layout()
    with _writing(place), _lock(place):
        _refuse_other_version(place)
        binaries.ensure(reporter)
        _start(place, reporter)
    return place


def _refuse_other_version(place: Layout) -> None:
    """A cluster goes on with the programs that it was made with: others would be mixed with them."""
    if not place.created:
        return
    made_by = place.maker.read_text() if place.maker.is_file() else ""
    if made_by != control_plane.version(place):
        raise FleetError(
            "this cluster was made by another version",
            "`fleet cluster down`, then `fleet cluster up` (what is deployed on it is lost)",
        )


def _start(place: Layout, reporter: Reporter) -> None:
    if place.created != place.control_plane.exists():
        reporter.step("removing a cluster that was never finished")
        _remove(place)
    if place.created:
        _control_plane(place, reporter)
    else:
        _new_control_plane(place, reporter)
    reporter.step("add-ons: metrics-server, Karpenter, LeaderWorkerSet")
    addons.install(place)
    addons.start(place)
    addons.wait_until_ready(place)
    _publish_kubeconfig(place)


def _new_control_plane(place: Layout, reporter: Reporter) -> None:
    """Try again, on other ports, when one was taken meanwhile or the machine was too busy."""
    for _ in range(ATTEMPTS - 1):
        try:
            _control_plane(place, reporter)
        except control_plane.PassingError as failure:
            reporter.step(f"once more: {failure.problem}")
            _remove(place)
        else:
            return
    _control_plane(place, reporter)


def _control_plane(place: Layout, reporter: Reporter) -> None:
    place.close_to_others()
    if not place.created:
        place.maker.write_text(control_plane.version(place))
    reporter.step("control plane: etcd, apiserver, controller-manager, scheduler, kwok")
    control_plane.create_or_start(place)


def _publish_kubeconfig(place: Layout) -> None:
    """Write a kubeconfig that holds its certificates, for this user only."""
    text = control_plane.kubectl(place, "config", "view", "--flatten", "--raw")
    if place.kubeconfig.is_file() and place.kubeconfig.read_text() == text:
        return
    unfinished = place.kubeconfig.with_suffix(".unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(place.kubeconfig)


def down() -> bool:
    """Stop everything and remove the cluster's files; False when there was nothing. Binaries stay."""
    place = layout()
    if not place.kwok.exists() and not place.addons.exists():
        return False
    with _writing(place), _lock(place):
        _remove(place)
    return True


def _remove(place: Layout) -> None:
    place.kubeconfig.unlink(missing_ok=True)  # first: from here on the cluster counts as half-made
    addons.stop(place)
    control_plane.delete(place)
    shutil.rmtree(place.kwok, ignore_errors=True)
    shutil.rmtree(place.addons, ignore_errors=True)
    shutil.rmtree(place.root / "pulumi" / "state", ignore_errors=True)  # of what was deployed on it


def status() -> list[Component]:
    """Every component and its state; empty when there is no cluster."""
    place = layout()
    if not place.control_plane.exists():
        return []
    pids = control_plane.pids(place)
    serving = pids["kube-apiserver"] is not None and control_plane.is_serving(place)
    logs = place.control_plane / "logs"
    parts = [
        # What the others do shows in the apiserver; they have no readiness of their own.
        Component(name, _state(pid, serving or name != "kube-apiserver"), pid, str(logs / f"{name}.log"))
        for name, pid in pids.items()
    ]
    for process in addons.processes(place):
        ready = serving and addons.is_ready(place, process.name)
        parts.append(Component(process.name, _state(process.pid(), ready), process.pid(), str(process.log)))
    return parts


def _state(pid: int | None, ready: bool) -> State:
    if pid is None:
        return "stopped"
    return "ready" if ready else "not ready"


@contextmanager
def _writing(place: Layout) -> Iterator[None]:
    """A disk that is full or not ours to write ends in an error with its next step."""
    try:
        yield
    except OSError as error:
        raise FleetError(
            f"the cluster's files cannot be written: {error}",
            f"make room or access in {place.root} (or set ELASTIC_VLLM_HOME), then run this again",
        ) from None


@contextmanager
def _lock(place: Layout) -> Iterator[None]:
    """One command at a time changes the cluster; the lock dies with its process."""
    place.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place.root / "cluster.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FleetError(
                "another `fleet cluster` command is at work on this cluster",
                "wait for it, then run this again",
            ) from None
        yield
