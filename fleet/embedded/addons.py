"""What a managed cluster brings along: the real metrics-server, Karpenter and LeaderWorkerSet, as processes.

Owns those processes and their API objects. Karpenter's cloud is its own kwok provider, with the catalogue's
machines.
"""

import time
import urllib.error
import urllib.request
from dataclasses import asdict, replace
from string import Template

import yaml

from fleet.embedded import binaries, groups, machines
from fleet.embedded.control_plane import MANIFESTS, PROBE_TIMEOUT, kubectl
from fleet.embedded.layout import Layout
from fleet.embedded.process import Process, free_port, is_free
from fleet.errors import FleetError

READY_SECONDS = 60
METRICS_API = "v1beta1.metrics.k8s.io"
_LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks no proxy: one that the environment names cannot reach this machine's loopback interface."""


def processes(layout: Layout) -> tuple[Process, ...]:
    """The add-ons, in the order in which they start."""
    values = {
        "kubeconfig": layout.admin_kubeconfig,
        "pki": layout.control_plane / "pki",
        "folder": layout.addons,
        "ports": layout.ports(),
    }
    rows = yaml.safe_load((MANIFESTS / "addons.yaml").read_text())
    return tuple(
        Process(
            name,
            (str(binaries.path(name)), *(argument.format(**values) for argument in arguments)),
            layout.addons,
        )
        for name, arguments in rows.items()
    )


def install(layout: Layout) -> None:
    """Apply the API objects that the add-ons and the simulation stand on; the same again changes nothing."""
    _renew_ports(layout)
    folders = [argument for folder in binaries.crds() for argument in ("-f", str(folder))]
    kubectl(layout, "apply", "--server-side", "--force-conflicts", *folders)
    port = str(layout.ports().metrics_server)
    text = Template((MANIFESTS / "metrics-api.yaml").read_text()).substitute(PORT=port)
    simulation = (MANIFESTS / "simulation.yaml").read_text()
    kubectl(
        layout,
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        "-",
        stdin=f"{text}\n---\n{simulation}\n---\n{groups.manifests(layout)}",
    )


def _renew_ports(layout: Layout) -> None:
    """An add-on that is stopped gets another port where its own was taken meanwhile.

    Of ``metrics-server`` it is the port ``metrics_server``, of ``lws`` those that begin so.
    """
    ports = layout.ports()
    running = {process.name.partition("-")[0] for process in processes(layout) if process.pid() is not None}
    taken = [
        name
        for name, port in asdict(ports).items()
        if name.partition("_")[0] not in running and not is_free(port)
    ]
    if taken:
        layout.keep(replace(ports, **{name: free_port() for name in taken}))


def start(layout: Layout) -> None:
    """Start all; Karpenter again if the catalogue's machines changed since it read them."""
    groups.write(layout)
    environment = {"KUBECONFIG": str(layout.admin_kubeconfig), "SYSTEM_NAMESPACE": "kube-system"}
    wanted = machines.render()
    is_current = layout.machines.is_file() and layout.machines.read_text() == wanted
    for process in processes(layout):
        if process.name == "karpenter" and not is_current:
            process.stop()
            layout.machines.write_text(wanted)
        process.start(environment)


def stop(layout: Layout) -> None:
    """Stop all."""
    for process in reversed(processes(layout)):
        process.stop()


def wait_until_ready(layout: Layout) -> None:
    """Return once the metrics API answers, Karpenter's caches are filled, and groups can be made."""
    deadline = time.monotonic() + READY_SECONDS
    for process in processes(layout):
        while not is_ready(layout, process.name):
            if process.pid() is None or time.monotonic() > deadline:
                raise FleetError(
                    f"{process.name} is not ready; its log {process.log} ends:\n{process.last_lines()}",
                    "`fleet cluster up` tries again; `fleet cluster down` first makes a new cluster",
                )
            time.sleep(0.1)


def is_ready(layout: Layout, name: str) -> bool:
    """Whether an add-on does its work now."""
    if name == "karpenter":
        return _answers(f"http://127.0.0.1:{layout.ports().karpenter_health}/readyz")
    if name == groups.NAME:
        return groups.is_ready(layout)
    condition = 'jsonpath={.status.conditions[?(@.type=="Available")].status}'
    try:
        return kubectl(layout, "get", "apiservice", METRICS_API, "-o", condition, PROBE_TIMEOUT) == "True"
    except FleetError:
        return False


def _answers(url: str) -> bool:
    try:
        with _LOOPBACK.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
