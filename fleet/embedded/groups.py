"""LeaderWorkerSet: the settings and webhooks of the real controller of replicas that span several nodes.

On a cloud it runs in a pod behind a Service; here the apiserver calls its webhooks on the loopback interface,
with the control plane's own certificate. Definitions and webhooks are those of the module it is built from.
"""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import yaml

from fleet.embedded import binaries
from fleet.embedded.layout import Layout

NAME = "lws"
_POD = "/mutate--v1-pod"
_MEMBERS = {"matchExpressions": [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}]}
"""Pods of a group; no other pod's creation waits for this controller."""


def write(layout: Layout) -> None:
    """Its settings, and the certificate under the names that it looks for."""
    certificates = layout.addons / "lws-certificates"
    certificates.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki = layout.control_plane / "pki"
    for ours, theirs in (("tls.crt", "admin.crt"), ("tls.key", "admin.key")):
        (certificates / ours).unlink(missing_ok=True)
        (certificates / ours).symlink_to(pki / theirs)
    ports = layout.ports()
    settings = {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f"127.0.0.1:{ports.lws_health}"},
        "internalCertManagement": {"enable": False},
        "metrics": {"bindAddress": "0"},
        "webhook": {"certDir": str(certificates), "host": "127.0.0.1", "port": ports.lws_webhook},
    }
    (layout.addons / "lws.json").write_text(json.dumps(settings, indent=1))


def manifests(layout: Layout) -> str:
    """The module's webhooks, with the address that the process listens on."""
    authority = (layout.control_plane / "pki" / "ca.crt").read_bytes()
    text = (binaries.webhooks() / "manifests.yaml").read_text()
    address = f"https://127.0.0.1:{layout.ports().lws_webhook}"
    return yaml.safe_dump_all(on_loopback(text, address, base64.b64encode(authority).decode("ascii")))


def on_loopback(text: str, address: str, authority: str) -> Iterator[dict[str, Any]]:
    """Webhook configurations that call a URL, not a Service."""
    for configuration in yaml.safe_load_all(text):
        kind = configuration["kind"].removesuffix("WebhookConfiguration").lower()
        configuration["metadata"] = {"name": f"lws-{kind}"}
        for webhook in configuration["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"caBundle": authority, "url": f"{address}{path}"}
            if path.endswith("-v1-pod"):
                webhook["objectSelector"] = _MEMBERS
        yield configuration


def is_ready(layout: Layout) -> bool:
    """Whether it would answer the apiserver: its health says so before its webhooks are there."""
    context = ssl.create_default_context(cafile=str(layout.control_plane / "pki" / "ca.crt"))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(f"https://127.0.0.1:{layout.ports().lws_webhook}{_POD}", timeout=2):
            return True
    except urllib.error.HTTPError as refused:
        return refused.code != 404
    except (OSError, ValueError):
        return False
