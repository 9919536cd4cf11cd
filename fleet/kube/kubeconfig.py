"""The part of a kubeconfig that ``fleet`` needs: where the apiserver is and how to prove who asks."""

import base64
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.errors import KubeError


@dataclass(frozen=True)
class Connection:
    """An address and the credentials for it; neither prints."""

    server: str
    headers: Mapping[str, str]
    ssl_context: ssl.SSLContext | None

    def __repr__(self) -> str:
        return f"Connection({self.server})"


def read_kubeconfig(path: Path) -> Connection:
    """Read the current context. Credentials from plugins (``exec``) are refused: a local cluster has none."""
    try:
        content = mapping(yaml.safe_load(path.read_text()))
    except FileNotFoundError:
        raise KubeError(
            f"there is no kubeconfig at {path}: start a cluster with `fleet cluster up`"
        ) from None
    except yaml.YAMLError:
        raise KubeError(f"{path} is not YAML: make it anew with `fleet cluster up`") from None
    context = _entry(content, "context", text(content.get("current-context")), path)
    cluster = _entry(content, "cluster", text(context.get("cluster")), path)
    user = _entry(content, "user", text(context.get("user")), path) if context.get("user") else {}
    if user.get("exec") or user.get("auth-provider"):
        raise KubeError(f"{path} takes credentials from a plugin; only certificates can be used here")
    server = text(cluster.get("server")).rstrip("/")
    token = text(user.get("token"))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Connection(server, headers, _tls(cluster, user) if server.startswith("https") else None)


def _entry(content: Mapping[str, object], kind: str, name: str, path: Path) -> Mapping[str, object]:
    for entry in map(mapping, items(content.get(f"{kind}s"))):
        if entry.get("name") == name:
            return mapping(entry.get(kind))
    raise KubeError(f"{path} has no {kind} {name!r}: make it anew with `fleet cluster up`")


def _tls(cluster: Mapping[str, object], user: Mapping[str, object]) -> ssl.SSLContext:
    authority = base64.b64decode(text(cluster.get("certificate-authority-data"))).decode()
    file = text(cluster.get("certificate-authority")) or None
    context = ssl.create_default_context(cafile=file, cadata=authority or None)
    if cluster.get("insecure-skip-tls-verify") is True:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = text(user.get("client-certificate")), text(user.get("client-key"))
    if certificate:
        context.load_cert_chain(certificate, key or None)
    elif user.get("client-certificate-data"):
        inline = text(user.get("client-certificate-data")), text(user.get("client-key-data"))
        with tempfile.NamedTemporaryFile(
            mode="wb"
        ) as both:  # the ssl module reads certificates from files only
            both.write(b"\n".join(base64.b64decode(part) for part in inline))
            both.flush()
            context.load_cert_chain(both.name)
    return context
