"""The rendered container, started as a process: its root is a folder, its kubelet is this module."""

import itertools
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from fleet.embedded.process import free_port
from tests.engine import cpu
from tests.engine.rendered import Rendered

START_SECONDS = 1800
"""124 s on an idle machine with two cores; far more where others build."""
PROBE_SECONDS = 0.5


@dataclass
class Engine:
    """A vLLM that runs, or ran."""

    rendered: Rendered
    process: subprocess.Popen[bytes]
    port: int
    root: Path
    seen: list[str] = field(default_factory=list)
    """What the startup probe met from the start to its first success, repetitions left out."""
    start_seconds: float = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it printed."""
        return (self.root / "log").read_text(errors="replace")

    @property
    def leaving(self) -> Path:
        """The file by which ``preStop`` tells the gate."""
        return Path(_inside(self.root, self.rendered.env["ELASTIC_VLLM_DRAIN_FILE"]))

    def pre_stop(self) -> "subprocess.Popen[bytes]":
        """What the kubelet begins with, once the pod is deleted."""
        environment = {"ELASTIC_VLLM_DRAIN_FILE": str(self.leaving), "PATH": os.defpath}
        return subprocess.Popen(self.rendered.pre_stop, env=environment)

    def probe(self, kind: str) -> str:
        """What the kubelet would see: a status, or why there is none."""
        path, port = self.rendered.probes[kind]
        number = self.rendered.ports[port] if isinstance(port, str) else port
        assert number == int(self.rendered.option("--port")), "the probe is not where vLLM listens"
        try:
            with urllib3.PoolManager() as pool:  # a connection of its own for each probe, as the kubelet's
                return str(pool.request("GET", self.url + path, timeout=5, retries=False).status)
        except urllib3.exceptions.NewConnectionError:
            return "refused"
        except urllib3.exceptions.ProtocolError:
            return "broken off"
        except urllib3.exceptions.TimeoutError:
            return "timeout"

    def wait_until_started(self) -> None:
        """As the startup probe does; fails with the log's end where the process ends or takes too long."""
        began = time.monotonic()
        while (answer := self.probe("startup")) != "200":
            self.seen.append(answer)
            took = time.monotonic() - began
            if self.process.poll() is not None or took > START_SECONDS:
                self.end()
                raise AssertionError(f"vLLM did not start in {took:.0f} s:\n{self.log[-4000:]}")
            time.sleep(PROBE_SECONDS)
        self.start_seconds = time.monotonic() - began
        self.seen = [answer for answer, _ in itertools.groupby([*self.seen, "200"])]

    def terminate(self) -> None:
        """What the kubelet does once preStop is over."""
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Kill it and all that it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


def start(
    rendered: Rendered, python: Path, model: Path, root: Path, *, without_model: bool = False
) -> Engine:
    """Start it. ``model`` is a folder of weights, laid where the Hub's cache would have it."""
    words = cpu.line(rendered.args, port := free_port())[1 if without_model else 0 :]
    paths = {"bin": str(python.parent)}
    environment = {name: _inside(root, value) for name, value in rendered.env.items()}
    environment |= {
        change.name: change.to.format(**paths) for change in cpu.ENVIRONMENT if change.to is not None
    }
    for file, text in rendered.files.items():
        _make_parent(root, file).write_text(text)
    (root / "home/vllm/.cache").mkdir(parents=True)
    _make_parent(root, rendered.env["ELASTIC_VLLM_DRAIN_FILE"]).touch()  # by a container before this one
    _lay_out(model, Path(environment["HF_HUB_CACHE"]), rendered.args[0])
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(python.with_name("vllm")), "serve", *words],
            env=environment,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Engine(rendered, process, port, root)


def _inside(root: Path, value: str) -> str:
    """A path of the container, where it is here."""
    return f"{root}{value}" if value.startswith("/") else value


def _make_parent(root: Path, file: str) -> Path:
    path = Path(_inside(root, file))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _lay_out(model: Path, hub: Path, checkpoint: str) -> None:
    """One checkpoint in a hub cache: what a claim with prefetched weights holds."""
    place = hub / f"models--{checkpoint.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("tiny")
    (place / "snapshots").mkdir()
    (place / "snapshots" / "tiny").symlink_to(model, target_is_directory=True)
