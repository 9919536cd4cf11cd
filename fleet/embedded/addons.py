"""What a managed cluster brings along: the real metrics-server, Karpenter and LeaderWorkerSet, as processes.

Owns those processes and their API objects. Karpenter's cloud is its own kwok provider, with the catalogue's
machines.
"""

import time
import urllib.error
import urllib.request
from dataclasses import replace
from string import Template

from fleet.embedded import binaries, groups, machines
from fleet.embedded.control_plane import MANIFESTS, PROBE_TIMEOUT, kubectl
from fleet.embedded.layout import Layout
from fleet.embedded.process import Process, free_port, is_free
from fleet.errors import FleetError

READY_SECONDS = 60
METRICS_API = "v1beta1.metrics.k8s.io"
_LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks no proxy: one that the environment names cannot reach this machine's loopback interface."""


def metrics_server(layout: Layout) -> Process:
    """Scrapes the simulated kubelets every ten seconds, as fast as the kubelet's own figures change."""
    config, pki = layout.admin_kubeconfig, layout.control_plane / "pki"
    return Process(
        "metrics-server",
        (
            str(binaries.path("metrics-server")),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--bind-address=127.0.0.1",
            f"--secure-port={layout.ports().metrics_server}",
            f"--cert-dir={layout.addons / 'metrics-server-certificates'}",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
            "--kubelet-use-node-status-port",
            "--kubelet-preferred-address-types=Hostname",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            f"--kubelet-client-certificate={pki / 'admin.crt'}",
            f"--kubelet-client-key={pki / 'admin.key'}",
        ),
        layout.addons,
    )


def karpenter(layout: Layout) -> Process:
    """Brings nodes for pods that have none, and gives them back."""
    ports = layout.ports()
    return Process(
        "karpenter",
        (
            str(binaries.path("karpenter")),
            f"--instance-types-file-path={layout.machines}",
            "--disable-leader-election=true",
            # Pools with a floor (minNodes) are static NodePools.
            "--feature-gates=StaticCapacity=true",
            # Replicas spread softly; honouring that as a rule would buy a node for each replica.
            "--preference-policy=Ignore",
            f"--metrics-port={ports.karpenter_metrics}",
            f"--health-probe-port={ports.karpenter_health}",
        ),
        layout.addons,
    )


def processes(layout: Layout) -> tuple[Process, Process, Process]:
    """The add-ons, in the order in which they start."""
    return metrics_server(layout), karpenter(layout), groups.process(layout)


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
    """An add-on that is stopped gets another port where its own was taken meanwhile."""
    ports = layout.ports()
    server, controller, lws = processes(layout)
    owners = {
        "metrics_server": server,
        "karpenter_metrics": controller,
        "karpenter_health": controller,
        "lws_health": lws,
        "lws_webhook": lws,
    }
    taken = [
        name
        for name, process in owners.items()
        if process.pid() is None and not is_free(getattr(ports, name))
    ]
    if taken:
        layout.keep(replace(ports, **{name: free_port() for name in taken}))


def start(layout: Layout) -> None:
    """Start all; Karpenter again if the catalogue's machines changed since it read them."""
    first, second, third = processes(layout)
    first.start()
    groups.write(layout)
    third.start({"KUBECONFIG": str(layout.admin_kubeconfig)})
    wanted = machines.render()
    if not layout.machines.is_file() or layout.machines.read_text() != wanted:
        second.stop()
        layout.machines.write_text(wanted)
    second.start({"KUBECONFIG": str(layout.admin_kubeconfig), "SYSTEM_NAMESPACE": "kube-system"})


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
