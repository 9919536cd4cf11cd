"""The embedded cluster survives repeats, killed processes, taken ports, a second command."""

import fcntl
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse

import pytest

from fleet.cli.console import Steps
from fleet.embedded import binaries, control_plane, lifecycle
from fleet.embedded.layout import Layout
from fleet.embedded.process import commands, end
from fleet.errors import FleetError
from fleet.kube.kubeconfig import read_kubeconfig

pytestmark = pytest.mark.cluster

EXEMPT = {"karpenter"}
"""Listens on every interface: Karpenter has flags for its two ports (metrics, health probes) and builds their
addresses as ``:<port>`` (pkg/operator/operator.go)."""


def up() -> Layout:
    with Steps() as steps:
        return lifecycle.up(steps)


def states() -> Mapping[str, str]:
    return {part.name: part.state for part in lifecycle.status()}


def pids() -> dict[str, int]:
    found = {part.name: part.pid for part in lifecycle.status()}
    return {name: pid for name, pid in found.items() if pid is not None}


def everything(place: Layout) -> set[str]:
    """Every object that ``up`` puts on the cluster, with the generation of what it declares."""
    kinds = "stages,metrics,clusterresourceusages,apiservices,crds,services"
    columns = ("kind", "metadata.namespace", "metadata.name", "metadata.uid", "metadata.generation")
    shown = "custom-columns=" + ",".join(f"{column}:.{column}" for column in columns)
    rows = control_plane.kubectl(place, "get", kinds, "--all-namespaces", "--no-headers", "-o", shown)
    return set(rows.splitlines())


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Another program that has this port."""
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


@pytest.fixture(autouse=True)
def _leaves_it_ready(cluster: Layout) -> Iterator[None]:
    """Other tests share this cluster: what a test here did to it, and failed to mend, ends with it."""
    yield
    if set(states().values()) != {"ready"}:
        up()


def test_every_part_is_ready(cluster: Layout) -> None:
    parts = lifecycle.status()
    assert {part.name for part in parts} == {*control_plane.COMPONENTS, "metrics-server", "karpenter", "lws"}
    assert {part.state for part in parts} == {"ready"}
    assert all(Path(part.log).is_file() for part in parts)


def test_up_on_a_running_cluster_leaves_every_process_alone_and_changes_nothing(cluster: Layout) -> None:
    processes, objects, kubeconfig = pids(), everything(cluster), cluster.kubeconfig.stat()
    assert up() == cluster
    assert pids() == processes
    assert everything(cluster) == objects
    assert len(objects) > 20
    assert cluster.kubeconfig.stat().st_mtime_ns == kubeconfig.st_mtime_ns


def test_only_this_user_may_read_the_kubeconfig(cluster: Layout) -> None:
    assert cluster.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_client_and_server_say_the_release_that_they_were_built_from(cluster: Layout) -> None:
    said = json.loads(control_plane.kubectl(cluster, "version", "-o", "json"))
    assert said["clientVersion"]["gitVersion"] == "v1.36.3" == f"v{binaries.version('kubectl')}"
    assert said["serverVersion"]["gitVersion"] == "v1.36.3"
    assert (said["serverVersion"]["major"], said["serverVersion"]["minor"]) == ("1", "36")


@pytest.mark.skipif(sys.platform != "linux", reason="reads the Linux kernel's tables")
def test_nothing_but_the_exempt_listens_beyond_loopback(cluster: Layout) -> None:
    names = {pid: name for name, pid in pids().items()}
    found: dict[str, set[str]] = {}
    for pid, address in listeners(set(names)):
        found.setdefault(names[pid], set()).add(address)
    assert found.keys() == set(names.values()), "every part has a port; one without was overlooked"
    outside = {name: addresses for name, addresses in found.items() if addresses - {"127.0.0.1", "::1"}}
    assert outside.keys() == EXEMPT


def listeners(wanted: set[int]) -> Iterator[tuple[int, str]]:
    """Which of these processes listen, and on which address; from the kernel's tables."""
    sockets = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A":
                sockets[f"socket:[{rest[5]}]"] = address(local.partition(":")[0])
    for pid in wanted:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                target = str(descriptor.readlink())
                if target in sockets:
                    yield pid, sockets[target]


def address(text: str) -> str:
    """An address in the kernel's hexadecimal words, each in this machine's byte order."""
    words = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


@pytest.mark.parametrize(
    "name",
    ["kube-apiserver", "kwok-controller", "metrics-server", "karpenter"],
)
def test_a_part_that_is_killed_is_told_and_comes_back_with_every_object(cluster: Layout, name: str) -> None:
    control_plane.kubectl(cluster, "create", "configmap", f"kept-through-{name}")
    before, objects = pids(), everything(cluster)
    end([before[name]])
    assert states()[name] == "stopped"
    up()
    assert set(states().values()) == {"ready"}
    after = pids()
    assert after[name] != before[name]
    assert objects <= everything(cluster)
    control_plane.kubectl(cluster, "delete", "configmap", f"kept-through-{name}")


def test_status_answers_soon_and_without_an_error_while_the_apiserver_has_no_etcd(cluster: Layout) -> None:
    """Its own requests to etcd hang for a minute."""
    objects = everything(cluster)
    end([pids()["etcd"]])
    deadline = time.monotonic() + 30
    found: Mapping[str, str] = {}
    while found.get("kube-apiserver") != "not ready" and time.monotonic() < deadline:
        started = time.monotonic()
        found = states()
        assert time.monotonic() - started < 12
        assert found["etcd"] == "stopped"
    assert found["kube-apiserver"] == found["metrics-server"] == found["karpenter"] == "not ready"
    up()
    assert set(states().values()) == {"ready"}
    assert objects <= everything(cluster)


def test_a_cluster_whose_every_process_is_killed_starts_where_it_was(cluster: Layout) -> None:
    """As after a restart of the machine; the pid files are left behind."""
    objects, kubeconfig = everything(cluster), cluster.kubeconfig.read_text()
    end(pids().values())
    assert set(states().values()) == {"stopped"}
    up()
    assert set(states().values()) == {"ready"}
    assert objects <= everything(cluster)
    assert cluster.kubeconfig.read_text() == kubeconfig


def test_a_pid_that_another_program_has_by_now_is_neither_believed_nor_killed(cluster: Layout) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        try:
            end([pids()["kube-scheduler"]])
            (cluster.control_plane / "pids" / "kube-scheduler.pid").write_text(str(other.pid))
            assert states()["kube-scheduler"] == "stopped"
            up()
            assert states()["kube-scheduler"] == "ready"
            assert other.poll() is None
        finally:
            other.kill()


def test_a_process_that_no_pid_file_names_is_ended(cluster: Layout) -> None:
    """A command that was killed between starting a part and writing down its pid."""
    before = pids()
    (cluster.control_plane / "pids" / "etcd.pid").unlink()
    (cluster.addons / "karpenter.pid").unlink()
    up()
    live = commands()
    assert before["etcd"] not in live
    assert before["karpenter"] not in live


def test_a_second_command_is_refused_and_told_to_wait(cluster: Layout) -> None:
    with (cluster.root / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (up, lifecycle.down):
            with pytest.raises(FleetError) as caught:
                command()
            assert "another `fleet cluster` command is at work" in caught.value.problem
            assert "run this again" in caught.value.next_step


@pytest.mark.parametrize("name", ["kube-apiserver", "etcd"])
def test_a_port_that_another_program_took_is_named_and_its_release_is_enough(
    cluster: Layout, name: str
) -> None:
    port = urlparse(read_kubeconfig(cluster.kubeconfig).server).port
    if name == "etcd":
        found = re.search(r"--etcd-servers=http://127\.0\.0\.1:(\d+)", commands()[pids()["kube-apiserver"]])
        assert found
        port = int(found[1])
    assert port is not None
    end([pids()[name]])
    with listening(port), pytest.raises(FleetError) as caught:
        up()
    assert f"{name} could not start: port {port} is taken by another program" in caught.value.problem
    assert "end that program and run `fleet cluster up` again" in caught.value.next_step
    up()


def test_an_add_on_whose_port_was_taken_gets_another(cluster: Layout) -> None:
    taken = cluster.ports().metrics_server
    end([pids()["metrics-server"]])
    with listening(taken):
        up()
        assert set(states().values()) == {"ready"}
    assert cluster.ports().metrics_server != taken
    assert not free(cluster.ports().metrics_server)


def test_a_state_directory_that_cannot_be_is_an_error_with_its_next_step(
    cluster: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with monkeypatch.context() as patch:
        patch.setenv("ELASTIC_VLLM_HOME", str(tmp_path / "file"))
        with pytest.raises(FleetError) as caught:
            up()
    assert "cannot be written" in caught.value.problem
    assert f"make room or access in {tmp_path / 'file'}" in caught.value.next_step
