"""The local stack's pods exist under Pod Security ``restricted``; with one field spoilt they are refused."""

import copy
import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elastic_vllm.serving_namespace import namespace_labels
from elastic_vllm.stack_file.config import PROJECT, read_stack_file
from elastic_vllm.testing.monitor import run
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import ApiError, Apiserver, connect
from fleet.kube.objects import Ref
from tests.cluster.objects import apply, delete
from tests.manifests import inputs

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
NAMESPACE = "restricted"

Pod = Any  # a manifest nests as deep as Kubernetes likes
Spoiler = Callable[[Pod], object]


@pytest.fixture(scope="module")
def pod(cluster: Layout) -> Pod:
    """The pod template that the program of the local stack declares."""
    sections = read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml")
    config = {
        f"{PROJECT}:{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in sections.items()
    }
    graph = run(lambda: runpy.run_path(str(ROOT / "__main__.py")), preview=True, config=config, stack="local")
    template = inputs(graph, "chat-deployment")["spec"]["template"]
    return json.loads(json.dumps(template))


@dataclass(frozen=True)
class Space:
    """The namespace as ``ServingNamespace`` labels it, and the account that the pods run as."""

    api: Apiserver

    def create(self, pod: Pod) -> None:
        """A server-side dry run: all of admission, nothing stored."""
        body = {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {**pod["metadata"], "name": "tried"}}
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        self.api.send("POST", path, query={"dryRun": "All", "fieldValidation": "Strict"}, body=body)


@pytest.fixture(scope="module")
def space(cluster: Layout, pod: Pod) -> Iterator[Space]:
    api = connect(cluster.kubeconfig)
    namespace = Ref(api_version="v1", kind="Namespace", namespace="", name=NAMESPACE)
    named = {"name": NAMESPACE, "labels": namespace_labels()}
    apply(api, namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": named})
    account = pod["spec"]["serviceAccountName"]
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}
    apply(api, Ref(api_version="v1", kind="ServiceAccount", namespace=NAMESPACE, name=account), body)
    yield Space(api)
    delete(api, namespace)


def test_the_declared_pod_is_taken(space: Space, pod: Pod) -> None:
    space.create(pod)


def container(pod: Pod) -> Pod:
    return pod["spec"]["containers"][0]


def security(pod: Pod) -> Pod:
    return container(pod)["securityContext"]


def everywhere(field: str, value: object = None) -> Spoiler:
    """Set a field that pod and container both may have, or take it away from both."""

    def spoil(pod: Pod) -> None:
        for context in (pod["spec"]["securityContext"], security(pod)):
            context.pop(field, None)
            if value is not None:
                context[field] = value

    return spoil


def volume(source: dict[str, object]) -> Spoiler:
    return lambda pod: pod["spec"]["volumes"].append({"name": "spoilt", **source})


SPOILERS: dict[str, tuple[Spoiler, str]] = {
    "it may run as root": (everywhere("runAsNonRoot", value=False), "runAsNonRoot"),
    "nobody says that it must not run as root": (everywhere("runAsNonRoot"), "runAsNonRoot"),
    "it runs as root": (everywhere("runAsUser", 0), "runAsUser"),
    "it may gain privileges": (
        lambda pod: security(pod).update(allowPrivilegeEscalation=True),
        "allowPrivilegeEscalation",
    ),
    "nobody says that it may not gain privileges": (
        lambda pod: security(pod).pop("allowPrivilegeEscalation"),
        "allowPrivilegeEscalation",
    ),
    "it is privileged": (
        lambda pod: security(pod).update(privileged=True, allowPrivilegeEscalation=True),
        "privileged",
    ),
    "it has a capability": (
        lambda pod: security(pod)["capabilities"].update(add=["NET_ADMIN"]),
        "capabilities",
    ),
    "it keeps the default capabilities": (lambda pod: security(pod).pop("capabilities"), "capabilities"),
    "its system calls are not filtered": (
        everywhere("seccompProfile", {"type": "Unconfined"}),
        "seccompProfile",
    ),
    "nobody says which system calls it may make": (everywhere("seccompProfile"), "seccompProfile"),
    "it sees the host's network": (lambda pod: pod["spec"].update(hostNetwork=True), "hostNetwork"),
    "it sees the host's processes": (lambda pod: pod["spec"].update(hostPID=True), "hostPID"),
    "it sees the host's shared memory": (lambda pod: pod["spec"].update(hostIPC=True), "hostIPC"),
    "it mounts a folder of the host": (volume({"hostPath": {"path": "/var/models"}}), "hostPath"),
    "it mounts a disk by itself": (volume({"nfs": {"server": "nfs.example", "path": "/"}}), "volume type"),
    "it takes a port of the host": (
        lambda pod: container(pod)["ports"][0].update(hostPort=container(pod)["ports"][0]["containerPort"]),
        "hostPort",
    ),
    "it sets an unsafe kernel parameter": (
        lambda pod: pod["spec"]["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
        "sysctls",
    ),
}


@pytest.mark.parametrize("how", SPOILERS)
def test_the_pod_is_refused_when(space: Space, pod: Pod, how: str) -> None:
    spoil, named = SPOILERS[how]
    spoilt = copy.deepcopy(pod)
    spoil(spoilt)
    assert spoilt != pod
    with pytest.raises(ApiError) as caught:
        space.create(spoilt)
    assert caught.value.code == 403
    assert 'violates PodSecurity "restricted:v1.36"' in str(caught.value)
    assert named in str(caught.value)
