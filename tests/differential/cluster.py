"""The experiment's objects on a real apiserver: a kind that scales, pods that nobody runs, metrics APIs.

The pods have no node and a scheduler that does not exist, so only the test writes their status.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from elastic_vllm.hpa_policy import metric_spec, rules
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.objects import Object
from tests.differential.metrics_apis import GROUPS
from tests.differential.policies import Policy
from tests.differential.subject import MEMORY, NAMESPACE, stamp
from tests.differential.trace import Pod

GROUP, VERSION = "test.elastic-vllm.dev", "v1"
SCALABLES = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/scalables"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
HPAS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
HOLD = f"{GROUP}/hold"
_MERGE = "application/merge-patch+json"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

CRD: Mapping[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"scalables.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Scalable", "plural": "scalables", "singular": "scalable"},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"spec": _ANY, "status": _ANY}}
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
            }
        ],
    },
}


class Objects:
    """Makes and changes them."""

    def __init__(self, api: Apiserver) -> None:
        self._api = api

    def prepare(self, port: int) -> None:
        """The namespace, the kind, and the three APIs at this port of the loopback interface."""
        self._post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
        self._post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        service = {
            "metadata": {"name": "test-metrics", "namespace": "kube-system"},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        }
        self._post("/api/v1/namespaces/kube-system/services", service)
        for group, version in GROUPS.items():
            spec = {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "test-metrics", "namespace": "kube-system", "port": port},
            }
            path, name = "/apis/apiregistration.k8s.io/v1/apiservices", f"{version}.{group}"
            if group == "metrics.k8s.io":  # metrics-server's, until the cluster is brought up again
                self._api.send("PATCH", f"{path}/{name}", body={"spec": spec}, content_type=_MERGE)
            else:
                self._post(path, {"metadata": {"name": name}, "spec": spec})

    def are_served(self) -> bool:
        """Whether the apiserver knows the kind and reaches the metrics APIs."""
        try:
            for group, version in {**GROUPS, GROUP: VERSION}.items():
                self._api.send("GET", f"/apis/{group}/{version}")
        except ApiError:
            return False
        return True

    def scalable(self, name: str, replicas: int) -> None:
        """A target with its pods' selector."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Scalable",
            "metadata": {"name": name},
            "spec": {"replicas": replicas},
        }
        self._post(SCALABLES, body)
        self.report(name, replicas)

    def scale(self, name: str, replicas: int) -> None:
        """As a person would."""
        body = {"spec": {"replicas": replicas}}
        self._api.send("PATCH", f"{SCALABLES}/{name}", body=body, content_type=_MERGE)

    def report(self, name: str, replicas: int) -> None:
        """The target's own count of its pods."""
        body = {"status": {"replicas": replicas, "selector": f"app={name}"}}
        self._api.send("PATCH", f"{SCALABLES}/{name}/status", body=body, content_type=_MERGE)

    def autoscaler(self, policy: Policy) -> None:
        """The HPA as the component writes it, for this kind of target."""
        scaling = policy.scaling
        spec = {
            "behavior": {
                "scaleDown": _camel(rules(scaling.scale_down)),
                "scaleUp": _camel(rules(scaling.scale_up)),
            },
            "maxReplicas": policy.most,
            "metrics": [_camel(metric_spec(metric)) for metric in scaling.metrics],
            "minReplicas": policy.least,
            "scaleTargetRef": {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Scalable", "name": policy.name},
        }
        self._post(HPAS, {"metadata": {"name": policy.name}, "spec": spec})

    def create(self, owner: str, pod: Pod) -> None:
        """A pod in its state. The finalizer keeps it there while it is leaving."""
        requests = {"cpu": f"{pod.request_millicores:g}m", "memory": str(MEMORY)}
        spec = {
            "schedulerName": "nobody",
            "containers": [{"name": "vllm", "image": "none", "resources": {"requests": requests}}],
        }
        meta = {"name": pod.name, "labels": {"app": owner}, "finalizers": [HOLD]}
        self._post(PODS, {"metadata": meta, "spec": spec})
        self.state(pod)

    def state(self, pod: Pod) -> None:
        """The pod's status."""
        ready = {"type": "Ready", "status": "True" if pod.ready else "False"}
        if pod.ready_changed_t is not None:
            ready["lastTransitionTime"] = stamp(pod.ready_changed_t)
        status = {
            "phase": pod.phase,
            "startTime": None if pod.started_t is None else stamp(pod.started_t),
            "conditions": [] if pod.ready_changed_t is None else [ready],
        }
        body = {"status": status}
        self._api.send("PATCH", f"{PODS}/{pod.name}/status", body=body, content_type=_MERGE)

    def leave(self, pod: Pod) -> None:
        """Told to go, and still there."""
        self._api.send("DELETE", f"{PODS}/{pod.name}", body={})

    def drop(self, pod: Pod) -> None:
        """Gone."""
        if not pod.leaving:
            self.leave(pod)
        body = {"metadata": {"finalizers": None}}
        self._api.send("PATCH", f"{PODS}/{pod.name}", body=body, content_type=_MERGE)

    def _post(self, path: str, body: Object) -> None:
        self._api.send("POST", path, body=body)


def _camel(value: Any) -> Any:
    """The components' form in the API's. No metric here has labels, whose keys would be spoilt."""
    if isinstance(value, Mapping):
        return {to_camel(key): _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
