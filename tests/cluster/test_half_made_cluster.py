"""A creation that is killed half-way, in a home of its own, is made good by the next; homes keep apart."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fleet.embedded import control_plane, go
from fleet.embedded.layout import Layout
from fleet.embedded.pins import TOOLS
from fleet.embedded.process import commands
from fleet.errors import FleetError

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]


class OwnCluster:
    """A state directory apart, worked on by commands in processes of their own, which can be killed."""

    KUBECONFIG = "apiVersion: v1\nkind: Config\ncurrent-context: production\n"

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(self.KUBECONFIG)
        self.environment = os.environ | {
            "ELASTIC_VLLM_HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
        }

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "fleet", "cluster", command],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def fleet(self, command: str) -> str:
        with self.start(command) as process:
            output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output

    def kill_once(self, command: str, there: Path) -> None:
        """Kill the command, and nothing that it started, as soon as this file is there."""
        with self.start(command) as process:
            while process.poll() is None and not there.exists():
                time.sleep(0.01)
            assert process.poll() is None, "it ended before it could be killed"
            process.send_signal(signal.SIGKILL)

    def processes(self) -> list[str]:
        return [command for command in commands().values() if f"{self.home}{os.sep}" in command]


@pytest.fixture
def own(cluster: Layout, tmp_path: Path) -> Iterator[OwnCluster]:
    made = OwnCluster(tmp_path)
    yield made
    made.fleet("down")
    assert made.processes() == []


MOMENTS = (
    "kwok/create.yaml",
    "kwok/clusters/elastic-vllm/pids/kube-apiserver.pid",
    "addons/metrics-server.pid",
)


def test_a_creation_that_is_killed_at_any_moment_is_made_good_by_the_next(own: OwnCluster) -> None:
    """One creation after another is killed a little later, with what it began still at work."""
    for moment in MOMENTS:
        own.kill_once("up", own.home / moment)
        assert not (own.home / "kubeconfig").exists()
    told = own.fleet("up")
    assert "removing a cluster that was never finished" in told
    own.fleet("status")
    assert own.kubeconfig.read_text() == OwnCluster.KUBECONFIG, "a current context may be production"
    started = [Path(command.partition(" ")[0]).name for command in own.processes()]
    assert sorted(started) == sorted([*control_plane.COMPONENTS, "metrics-server", "karpenter", "lws"])
    assert "cluster removed" in own.fleet("down")
    assert own.processes() == []
    assert sorted(path.name for path in own.home.iterdir()) == ["cluster.lock"]
    assert "there is no cluster" in own.fleet("down")


def test_no_two_clusters_would_take_the_same_etcd_for_their_own(tmp_path: Path) -> None:
    """One whose etcd died may find another's on the port; under another prefix it sees and spoils nothing."""
    first, second = (control_plane._configuration(Layout(tmp_path / name), {}) for name in ("a", "b"))
    prefixes = [yaml.safe_load(text)["options"]["etcdPrefix"] for text in (first, second)]
    assert len(set(prefixes)) == 2
    assert all(prefix.startswith("/elastic-vllm-") for prefix in prefixes)


def test_without_network_and_modules_a_build_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cluster: Layout
) -> None:
    """The real toolchain, an empty module cache and a proxy that nobody runs."""
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    with pytest.raises(FleetError) as caught:
        go.build(TOOLS / "etcd", "go.etcd.io/etcd/server/v3", tmp_path / "etcd", {}, lambda _: None)
    assert "the Go module proxy cannot be reached" in caught.value.problem
    assert "GOPROXY" in caught.value.next_step
    assert not (tmp_path / "etcd").exists()
