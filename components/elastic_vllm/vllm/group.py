"""A replica that spans several nodes: a LeaderWorkerSet of groups, one pod on each node. Pure.

The leader (rank 0) has the HTTP server; the others compute and have none. What becomes of one pod becomes of
its group: vLLM's ranks cannot go on without each other, so a lost node means a new group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from elastic_vllm import labels
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm.deployment import is_autoscaled

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import PodTemplateSpecArgsDict
    from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgsDict

Manifest = dict[str, Any]  # Any: a manifest nests as deep as Kubernetes likes
_KEYED_BY_NAME = ("annotations", "labels", "limits", "match_labels", "node_selector", "requests")
"""Fields whose keys are names, which keep their case."""

API_VERSION = "leaderworkerset.x-k8s.io/v1"
KIND = "LeaderWorkerSet"
WAIT_FOR = "pulumi.com/waitFor"
AVAILABLE = "condition=Available"
LEADERS = {"leaderworkerset.sigs.k8s.io/worker-index": "0"}
"""On each group's first pod: the one that answers."""
_GROUP_KEY = "leaderworkerset.sigs.k8s.io/group-key"
RENDEZVOUS = ("--master-addr", "$(LWS_LEADER_ADDRESS)", "--node-rank", "$(LWS_WORKER_INDEX)")
"""Who leads and who one is; the controller sets these variables on each pod, the kubelet puts them in."""
_SERVING_ONLY = ("livenessProbe", "ports", "readinessProbe", "startupProbe")


def spec(model: ModelSpec, template: PodTemplateSpecArgsDict, surge: int) -> Manifest:
    """``replicas`` counts groups; it is not declared when an autoscaler owns it.

    Each group has a domain name of its own: the model's name is the Service's.
    """
    made: Manifest = {
        "leaderWorkerTemplate": {
            "leaderTemplate": member(model, template, headless=False),
            "restartPolicy": "RecreateGroupOnPodRestart",
            "size": model.nodes_per_replica,
            "workerTemplate": member(model, template, headless=True),
        },
        "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
        "rolloutStrategy": {
            "rollingUpdateConfiguration": {
                "maxSurge": surge,
                "maxUnavailable": 1 - surge,
                "partition": 0,
            },
            "type": "RollingUpdate",
        },
        "startupPolicy": "LeaderCreated",
    }
    if not is_autoscaled(model.replicas):
        made["replicas"] = model.replicas.min
    return made


def member(model: ModelSpec, template: PodTemplateSpecArgsDict, *, headless: bool) -> Manifest:
    """One pod of a group, made from what would be a whole replica. It keeps to the zone of its group.

    Where one that has no server is deleted first, its leader is deleted at once and still answers: the first
    computes on until the leader's drain is over.
    """
    made = to_api_case(template)
    pod = made["spec"]
    (container,) = pod["containers"]
    container["args"] = [*container["args"], *RENDEZVOUS, *(["--headless"] if headless else [])]
    if headless:
        for field in _SERVING_ONLY:
            container.pop(field, None)
        drained = model.drain.propagation_seconds + model.drain.finish_seconds
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": drained}}}
    pod.pop("topologySpreadConstraints", None)
    pod["affinity"] = {
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_one_zone(model.name)]}
    }
    return made


def _one_zone(model: str) -> Manifest:
    """The first pod of a group may go anywhere: a pod that matches its own term is let in."""
    return {
        "labelSelector": {"matchLabels": dict(labels.selector(model))},
        "matchLabelKeys": [_GROUP_KEY],
        "topologyKey": "topology.kubernetes.io/zone",
    }


def network_policy_spec(model: str) -> NetworkPolicySpecArgsDict:
    """Ranks talk to each other, on ports that they choose as they start."""
    ranks = labels.selector(model)
    return {
        "egress": [{"to": [{"pod_selector": {"match_labels": ranks}}]}],
        "ingress": [{"from_": [{"pod_selector": {"match_labels": ranks}}]}],
        "pod_selector": {"match_labels": ranks},
        "policy_types": ["Ingress", "Egress"],
    }


def to_api_case(built: Mapping[str, Any]) -> Manifest:  # Any: as above
    """The same in camelCase; a Python keyword loses its trailing underscore."""
    return {
        to_camel(key.rstrip("_")): dict(value) if key in _KEYED_BY_NAME else _api_value(value)
        for key, value in built.items()
    }


def _api_value(value: object) -> object:
    if isinstance(value, Mapping):
        return to_api_case(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_api_value(item) for item in value]
    return value
