"""The control plane: etcd, apiserver, controller-manager, scheduler and kwok, run by kwokctl.

Owns starting, stopping and removing them. All listen on loopback only.
"""

import contextlib
import hashlib
import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from fleet.embedded import binaries
from fleet.embedded.environment import clean_environment
from fleet.embedded.go import FAILURES
from fleet.embedded.layout import NAME, Layout
from fleet.embedded.process import commands, end, free_ports
from fleet.errors import FleetError

MANIFESTS = Path(__file__).parent / "manifests"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
PORTS = (
    "etcdPort",
    "etcdPeerPort",
    "kubeApiserverPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
"""Chosen by us when a cluster is made: two that kwokctl makes at the same time get the same ports."""
READY_SECONDS = 60
PROBE_TIMEOUT = "--request-timeout=5s"
"""Of requests that the apiserver may not answer."""


class PassingError(FleetError):
    """What another attempt may not meet: a port that went to another program, a machine that is too busy."""


_OPTIONS = {
    "etcdBinary": "etcd",
    "kubeApiserverBinary": "kube-apiserver",
    "kubeControllerManagerBinary": "kube-controller-manager",
    "kubeSchedulerBinary": "kube-scheduler",
    "kwokControllerBinary": "kwok",
    "kubectlBinary": "kubectl",
}
"""kwokctl's options that name our binaries."""


def _configuration(layout: Layout, ports: Mapping[str, int]) -> str:
    content = yaml.safe_load((MANIFESTS / "kwokctl.yaml").read_text())
    content["options"] |= {**ports, **{key: str(binaries.path(name)) for key, name in _OPTIONS.items()}}
    content["options"]["kubeVersion"] = f"v{binaries.version('kubectl')}"
    # Of this cluster alone: an apiserver whose etcd died must not take another cluster's, which may have been
    # given the same port since, for its own.
    of_this = hashlib.sha256(str(layout.root).encode()).hexdigest()[:12]
    content["options"]["etcdPrefix"] = f"/{NAME}-{of_this}"
    return yaml.safe_dump(content)


def version(layout: Layout) -> str:
    """What a cluster cannot change once it is made: its programs and their options.

    Programs count by their pins, not by the folder that the cache happens to be in.
    """
    content = yaml.safe_load(_configuration(layout, ports={}))
    cache = f"{binaries.cache_dir()}{os.sep}"
    content["options"] = {key: str(value).removeprefix(cache) for key, value in content["options"].items()}
    return hashlib.sha256(yaml.safe_dump(content).encode()).hexdigest()


def _kwokctl(layout: Layout, ports: Mapping[str, int], *arguments: str) -> None:
    """Run kwokctl until all is ready, or until a component that it started has ended."""
    layout.kwok.mkdir(parents=True, exist_ok=True)
    file = layout.kwok / "create.yaml"
    file.write_text(_configuration(layout, ports))
    # kwokctl prefers a kubectl on PATH: ours comes first, of the control plane's own version.
    ours = str(binaries.path("kubectl").parent)
    environment = clean_environment() | {
        "KWOK_WORKDIR": str(layout.kwok),
        "PATH": os.pathsep.join([ours, os.environ.get("PATH", "")]),
    }
    command = [
        str(binaries.path("kwokctl")),
        *arguments,
        f"--name={NAME}",
        f"--config={file}",
        f"--wait={READY_SECONDS}s",
    ]
    with (layout.kwok / "kwokctl.log").open("w+") as log:
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as process:
            while process.poll() is None and not _ended(layout):
                time.sleep(0.1)
            process.kill()
        if process.returncode or not _becomes_ready(layout):
            log.seek(0)
            raise _failure(layout, log.read(), _ended(layout))


def _becomes_ready(layout: Layout) -> bool:
    """kwokctl waits for a healthy apiserver; ready is a little later."""
    deadline = time.monotonic() + READY_SECONDS
    while not _ended(layout) and time.monotonic() < deadline:
        if is_serving(layout):
            return True
        time.sleep(0.1)
    return False


def create_or_start(layout: Layout) -> None:
    """Bring the control plane up: a new one, or what has stopped of the one that is there."""
    _settle(layout)
    if not layout.created:
        # Without the empty path kwokctl makes this the current context of the user's own kubeconfig.
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        _kwokctl(layout, ports, "create", "cluster", "--kubeconfig", "")
    elif None in pids(layout).values() or not is_serving(layout):
        _kwokctl(layout, {}, "start", "cluster")  # on the ports that it was made with


def _settle(layout: Layout) -> None:
    """End what a killed command left behind, and forget the dead.

    kwokctl trusts its pid files blindly: a number that belongs to another program by now, as after a restart
    of the machine, it takes for its own component's.
    """
    found = commands()
    end(pid for pid, command in found.items() if str(layout.kwok / "create.yaml") in command)
    end(set(_processes(layout)) - set(pids(layout).values()))
    for name, pid in pids(layout).items():
        if pid is None:
            _pid_file(layout, name).unlink(missing_ok=True)


def delete(layout: Layout) -> None:
    """End the control plane, whatever state it is in. Its files are the caller's to remove."""
    _settle(layout)
    end(_processes(layout))


def is_serving(layout: Layout) -> bool:
    """Whether the apiserver answers, and its etcd behind it."""
    try:
        return kubectl(layout, "get", "--raw", "/readyz", PROBE_TIMEOUT) == "ok"
    except FleetError:
        return False


def _processes(layout: Layout) -> list[int]:
    """Every live process of this control plane, whether a pid file names it or not."""
    return [pid for pid, command in commands().items() if command.startswith(_programs(layout))]


def _programs(layout: Layout) -> str:
    return f"{layout.control_plane / 'bin'}{os.sep}"


def _pid_file(layout: Layout, name: str) -> Path:
    return layout.control_plane / "pids" / f"{name}.pid"


def _recorded(layout: Layout) -> dict[str, int]:
    """What the pid files say; one that is being written says nothing yet."""
    found = {}
    for name in COMPONENTS:
        with contextlib.suppress(FileNotFoundError, ValueError):
            found[name] = int(_pid_file(layout, name).read_text())
    return found


def _ended(layout: Layout) -> list[str]:
    """The components that were started and run no more."""
    recorded = _recorded(layout)  # before the look at what runs, for one may start in between
    live = pids(layout)
    return [name for name, pid in recorded.items() if live[name] != pid]


def pids(layout: Layout) -> dict[str, int | None]:
    """Each component's process, None where none runs."""
    recorded = _recorded(layout)
    found = commands()
    live = {
        name: pid for name, pid in recorded.items() if found.get(pid, "").startswith(_programs(layout) + name)
    }
    return {name: live.get(name) for name in COMPONENTS}


def kubectl(layout: Layout, *arguments: str, stdin: str | None = None) -> str:
    """Run the cluster's own kubectl against it; returns what it printed."""
    done = subprocess.run(
        [
            binaries.path("kubectl"),
            f"--kubeconfig={layout.admin_kubeconfig}",
            f"--cache-dir={layout.kwok / 'cache'}",
            *arguments,
        ],
        env=clean_environment(),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FleetError(
            f"kubectl {arguments[0]} failed: {done.stderr.strip()}",
            "see `fleet cluster status`; `fleet cluster down` and `fleet cluster up` make a new cluster",
        )
    return done.stdout


def _failure(layout: Layout, output: str, stopped: list[str]) -> FleetError:
    for name in stopped:
        log = layout.control_plane / "logs" / f"{name}.log"
        text = log.read_text(errors="replace") if log.is_file() else ""
        for row in FAILURES["control-plane"]:
            if found := re.search(row["pattern"], text):
                problem = row["problem"].format(*found.groups())
                kind = PassingError if row["passes"] else FleetError
                return kind(f"{name} could not start: {problem}", row["next"])
    lines = output.splitlines()
    last = ([line for line in lines if '"level":"ERROR"' in line or "Error" in line] or lines)[-3:]
    logs = layout.control_plane / "logs"
    return FleetError(
        f"the control plane did not start ({', '.join(stopped) or 'not ready in time'}); "
        f"logs are in {logs}\n" + "\n".join(last),
        "`fleet cluster down`, then `fleet cluster up`",
    )
