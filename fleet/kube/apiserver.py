"""The Kubernetes API over HTTP: reads, patches, watches.

The official client's ``DynamicClient`` keeps its discovery in a file under the temporary directory by host
name: a cluster that was made anew on the same port would be read from there. The few calls that are needed
here are plain requests.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.errors import KubeError
from fleet.kube.kubeconfig import Connection, read_kubeconfig
from fleet.kube.objects import Object, Ref, metadata

FIELD_MANAGER = "elastic-vllm"
_MERGE = "application/merge-patch+json"
_HAPPENINGS = ("ADDED", "MODIFIED", "DELETED")


@dataclass(frozen=True)
class Kind:
    """How the apiserver serves a kind."""

    path: str
    """Below which URL path its API version lives."""
    plural: str
    namespaced: bool


class ApiError(KubeError):
    """The apiserver refused a request. Its message may echo values of the request: mask before showing it."""

    def __init__(self, code: int, status: Object) -> None:
        super().__init__(text(status.get("message")) or f"HTTP status {code}")
        self.code = code


class Apiserver:
    """One cluster's API. Safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self._server = connection.server
        retries = urllib3.Retry(
            3, allowed_methods=None, status_forcelist=(429,), backoff_factor=0.1, raise_on_status=False
        )
        self._pool = urllib3.PoolManager(
            maxsize=20,
            retries=retries,
            timeout=urllib3.Timeout(connect=5, read=60),
            headers=connection.headers,
            ssl_context=connection.ssl_context,
        )
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._lock = threading.Lock()

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """How this kind is served; None while the apiserver does not serve it. Remembers what is there."""
        with self._lock:
            known = self._kinds.get((api_version, kind))
        if known:
            return known
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        found = self._read(path)
        with self._lock:
            for item in map(mapping, items(mapping(found).get("resources"))):
                plural = text(item.get("name"))
                if "/" not in plural:
                    served = Kind(path, plural, item.get("namespaced") is True)
                    self._kinds[api_version, text(item.get("kind"))] = served
            return self._kinds.get((api_version, kind))

    def path(self, ref: Ref) -> str:
        """Where the object is served, whether it is there or not."""
        return _path(self._kind(ref.api_version, ref.kind), ref.namespace, ref.name)

    def get(self, ref: Ref) -> Object | None:
        """The live object; None when there is none, or when its kind is not served."""
        kind = self.kind(ref.api_version, ref.kind)
        return self._read(_path(kind, ref.namespace, ref.name)) if kind else None

    def merge(self, ref: Ref, patch: Object) -> Object:
        """Change what ``patch`` names and leave the rest."""
        query = {"fieldManager": FIELD_MANAGER}
        return self.send("PATCH", self.path(ref), query=query, body=patch, content_type=_MERGE)

    def list(self, api_version: str, kind: str, namespace: str, **query: str) -> list[Object]:
        """The objects of one kind in one namespace that ``query`` selects."""
        found = mapping(self._read(_path(self._kind(api_version, kind), namespace, ""), query))
        return [mapping(item) for item in items(found.get("items"))]

    def follow(
        self, api_version: str, kind: str, namespace: str, stop: threading.Event, **query: str
    ) -> Iterator[tuple[str, Object]]:
        """All objects that ``query`` selects, then what happens to each, until ``stop`` is set.

        Begins with one ``LIST`` (the objects are its ``items``), and again when a watch broke or
        said anything but what happened to an object, such as that its version is too old.
        """
        path = _path(self._kind(api_version, kind), namespace, "")
        while not stop.is_set():
            found = mapping(self._read(path, query))
            yield "LIST", found
            version = text(metadata(found).get("resourceVersion"))
            for event in self._events(path, {"timeoutSeconds": "300", **query, "resourceVersion": version}):
                if stop.is_set():
                    return
                if event[0] not in _HAPPENINGS:
                    break
                yield event

    def _events(self, path: str, query: Mapping[str, str]) -> Iterator[tuple[str, Object]]:
        response = self._request("GET", path, {"watch": "true", **query}, stream=True)
        try:
            for line in response:
                event = mapping(json.loads(line))
                yield text(event.get("type")), mapping(event.get("object"))
        except HTTPError:
            return  # the connection broke or fell silent: the watcher lists again
        finally:
            response.release_conn()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Every request that writes (or would, in a dry run) goes through here."""
        payload = json.dumps(body).encode() if body is not None else None
        return _object(self._request(method, path, query or {}, payload, content_type))

    def _read(self, path: str, query: Mapping[str, str] | None = None) -> Object | None:
        try:
            return _object(self._request("GET", path, query or {}))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        payload: bytes | None = None,
        content_type: str = "application/json",
        *,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self._server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = dict(self._pool.headers) | {"Content-Type": content_type, "Accept": "application/json"}
        try:
            response = self._pool.request(
                method, url, body=payload, headers=headers, preload_content=not stream
            )
        except HTTPError as error:
            raise KubeError(
                f"no apiserver answers at {self._server} ({type(error).__name__}): "
                "see `fleet cluster status`, start one with `fleet cluster up`"
            ) from None
        if response.status >= 400:
            raise ApiError(response.status, _status(response.data))
        return response

    def _kind(self, api_version: str, kind: str) -> Kind:
        served = self.kind(api_version, kind)
        if served is None:
            raise KubeError(
                f"the cluster serves no {kind} of {api_version}; "
                "a custom resource has to depend on its CustomResourceDefinition"
            )
        return served


def connect(kubeconfig: Path) -> Apiserver:
    """The API of the cluster that the kubeconfig's current context names."""
    return Apiserver(read_kubeconfig(kubeconfig))


def _path(kind: Kind, namespace: str, name: str) -> str:
    scope = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
    return f"{kind.path}{scope}/{kind.plural}" + (f"/{name}" if name else "")


def _object(response: urllib3.BaseHTTPResponse) -> Object:
    return mapping(json.loads(response.data))


def _status(data: bytes) -> Object:
    try:
        return mapping(json.loads(data))
    except ValueError:
        return {"message": data.decode(errors="replace")[:500]}
