"""Recorded objects as the provider would send them, tried on a real apiserver: nothing of them is stored."""

import json
import time
from collections.abc import Iterator
from typing import Any

from elastic_vllm.testing.registration import Graph, Registration
from elastic_vllm.testing.values import Secret
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Ref
from tests.cluster.objects import apply, delete
from tests.recorded import transform

Body = Any  # a manifest nests as deep as Kubernetes likes


def body(item: Registration) -> Body:
    """The object as the provider sends it."""
    plain = transform(item.inputs, lambda value: value.value if isinstance(value, Secret) else value)
    return json.loads(json.dumps(plain))


def objects(graph: Graph) -> list[Registration]:
    """Everything that ends on the cluster, but for what Helm brings."""
    found = [item for item in graph if item.type.startswith("kubernetes:")]
    return [item for item in found if not item.type.startswith("kubernetes:helm.sh")]


def ref_of(wanted: Body) -> Ref:
    """What an object is called."""
    return Ref(
        api_version=wanted["apiVersion"],
        kind=wanted["kind"],
        namespace=wanted["metadata"].get("namespace", ""),
        name=wanted["metadata"]["name"],
    )


def try_out(api: Apiserver, wanted: Body) -> None:
    """Server-side apply, dry."""
    apply(api, ref_of(wanted), wanted, force=True, dry_run=True)


def pods(graph: Graph) -> Iterator[Body]:
    """The pods of every Deployment and Job, which the apiserver sees only when a controller makes them."""
    for item in graph:
        if item.type in ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"):
            pod = body(item)["spec"]["template"]
            pod["spec"].pop("serviceAccountName")  # which a dry run has not made
            yield {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {**pod["metadata"], "name": "tried"}}


def try_pod(api: Apiserver, namespace: str, pod: Body) -> None:
    """A pod on its own, by the admission of its namespace."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    api.send("POST", path, query={"dryRun": "All", "fieldValidation": "Strict"}, body=pod)


def remove(api: Apiserver, ref: Ref) -> None:
    """Delete an object, and wait until it is gone: the next module may want one of that name."""
    if api.get(ref):
        delete(api, ref)
    deadline = time.monotonic() + 60
    while api.get(ref):
        assert time.monotonic() < deadline, f"{ref} stays"
        time.sleep(0.5)
