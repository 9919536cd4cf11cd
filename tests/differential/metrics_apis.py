"""The three metrics APIs, served by the test; a ``Source`` says what is answered, and remembers it."""

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

Body = dict[str, object]

GROUPS = {
    "metrics.k8s.io": "v1beta1",
    "custom.metrics.k8s.io": "v1beta2",
    "external.metrics.k8s.io": "v1beta1",
}
_RESOURCE = re.compile(r"/apis/metrics\.k8s\.io/v1beta1/namespaces/[^/]+/pods$")
_PODS = re.compile(r"/apis/custom\.metrics\.k8s\.io/v1beta2/namespaces/[^/]+/pods/\*/(?P<metric>[^/]+)$")
_OBJECT = re.compile(
    r"/apis/custom\.metrics\.k8s\.io/v1beta2/namespaces/[^/]+/services/(?P<name>[^/]+)/(?P<metric>[^/]+)$"
)
_EXTERNAL = re.compile(
    r"/apis/external\.metrics\.k8s\.io/v1beta1/namespaces/[^/]+/(?P<name>[^/]+)-(?P<place>\d+)$"
)


class Source(Protocol):
    """Knows what is asked; None stands for an API that fails."""

    def resources(self, name: str, t: float) -> Body | None:
        """``PodMetricsList`` of one autoscaler's pods."""

    def of_pods(self, name: str, metric: str, t: float) -> Body | None:
        """``MetricValueList`` over its pods."""

    def of_object(self, name: str, metric: str, t: float) -> Body | None:
        """``MetricValueList`` of the one object that is described."""

    def external(self, name: str, place: int, t: float) -> Body | None:
        """``ExternalMetricValueList``."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # the default of 5 turns callers away when many come at once


@contextmanager
def serve(source: Source, certificate: Path, key: Path) -> Iterator[int]:
    """On loopback, by TLS, while the block lasts; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = answer(source, unquote(parts.path), parse_qs(parts.query), time.time())
            code = 200 if body is not None else 500
            failure: Body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500}
            data = json.dumps(body if body is not None else failure).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def answer(source: Source, path: str, query: dict[str, list[str]], t: float) -> Body | None:
    """One request's answer."""
    selector = query.get("labelSelector", [""])[0].removeprefix("app=")
    if _RESOURCE.match(path):
        return source.resources(selector, t)
    if found := _PODS.match(path):
        return source.of_pods(selector, found["metric"], t)
    if found := _OBJECT.match(path):
        return source.of_object(found["name"], found["metric"], t)
    if found := _EXTERNAL.match(path):
        return source.external(found["name"], int(found["place"]), t)
    return _discovery(path)


def _discovery(path: str) -> Body:
    group = next((group for group in GROUPS if path.startswith(f"/apis/{group}/")), "metrics.k8s.io")
    pods = {
        "name": "pods",
        "kind": "PodMetrics",
        "namespaced": True,
        "singularName": "",
        "verbs": ["get", "list"],
    }
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{GROUPS[group]}",
        "resources": [pods] if group == "metrics.k8s.io" else [],
    }
