"""Where a secret could have got to: every object that the cluster serves, every file that it keeps."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from elastic_vllm.testing.values import items, mapping, text
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, metadata


def everything(api: Apiserver) -> Iterator[tuple[str, Object]]:
    """Each object of each kind that can be listed, in every namespace; named by kind, namespace and name."""
    for version in _versions(api):
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for kind in map(mapping, items(api.send("GET", path).get("resources"))):
            if "list" in items(kind.get("verbs")):
                for item in api.list(version, text(kind.get("kind")), ""):
                    named = metadata(item)
                    name = (
                        f"{text(kind.get('kind'))} {text(named.get('namespace'))}/{text(named.get('name'))}"
                    )
                    yield name, item


def _versions(api: Apiserver) -> Iterator[str]:
    yield "v1"
    for group in map(mapping, items(api.send("GET", "/apis").get("groups"))):
        yield text(mapping(group.get("preferredVersion")).get("groupVersion"))


def kept_files(cluster: Layout) -> Iterator[Path]:
    """All that the cluster and its users keep on disk, logs first; etcd's data is what holds the Secrets."""
    data = cluster.control_plane / "etcd"
    return (path for path in cluster.root.rglob("*") if path.is_file() and data not in path.parents)


def holds(content: str, secret: str) -> bool:
    """Whether the secret stands in there, as it is or as Kubernetes encodes it."""
    return secret in content or b64encode(secret.encode()).decode() in content
