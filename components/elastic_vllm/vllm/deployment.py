"""The Deployment, its budget for disruptions and its Service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from elastic_vllm import labels
from elastic_vllm.spec import ModelSpec, ReplicasSpec
from elastic_vllm.vllm import startup
from elastic_vllm.vllm.arguments import PORT

if TYPE_CHECKING:
    import pulumi
    from pulumi_kubernetes.apps.v1 import DeploymentSpecArgsDict
    from pulumi_kubernetes.core.v1 import PodTemplateSpecArgsDict, ServiceSpecArgsDict
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
    from pulumi_kubernetes.policy.v1 import PodDisruptionBudgetSpecArgsDict

TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
SKIP_AWAIT = "pulumi.com/skipAwait"


def metadata(
    name: str, namespace: pulumi.Input[str], model: str, annotations: Mapping[str, str] | None = None
) -> ObjectMetaArgsDict:
    """Name, place and labels of one object of the model."""
    written: ObjectMetaArgsDict = {"name": name, "namespace": namespace, "labels": labels.labels(model)}
    if annotations:
        written["annotations"] = annotations
    return written


def is_autoscaled(replicas: ReplicasSpec) -> bool:
    """Whether there is anything to scale: equal bounds mean a fixed count, and no autoscaler."""
    return replicas.min < replicas.max


def surge(model: ModelSpec, most_gpus: int | None) -> int:
    """Replicas that a rollout may bring before it takes one: 1, or 0 where the GPUs for that can never be.

    With room beside the minimum of replicas a rollout under full load waits for the load to fall. Without
    any it would never end, so it takes a replica first: that one drains, and its GPUs are the new one's.
    """
    return 1 if most_gpus is None or (model.replicas.min + 1) * model.gpus_per_replica <= most_gpus else 0


def deployment_spec(
    model: ModelSpec, template: PodTemplateSpecArgsDict, budget: int, surge: int = 1
) -> DeploymentSpecArgsDict:
    """``replicas`` is not declared when an autoscaler owns it: every update would set it back."""
    spec: DeploymentSpecArgsDict = {
        "min_ready_seconds": startup.MIN_READY_SECONDS,
        "progress_deadline_seconds": startup.progress_deadline_seconds(budget),
        "revision_history_limit": 3,
        "selector": {"match_labels": labels.selector(model.name)},
        "strategy": {
            "type": "RollingUpdate",
            "rolling_update": {"max_surge": surge, "max_unavailable": 1 - surge},
        },
        "template": template,
    }
    if not is_autoscaled(model.replicas):
        spec["replicas"] = model.replicas.min
    return spec


def disruption_budget_spec(model: str) -> PodDisruptionBudgetSpecArgsDict:
    """One replica at a time, and never a drain that does not end.

    A single replica may be evicted too: a budget that forbids it blocks every node upgrade. A model that must
    not be away while a replica loads needs a minimum of two. A replica that is not Ready is never what keeps
    a node, hence ``AlwaysAllow``.
    """
    return {
        "max_unavailable": 1,
        "selector": {"match_labels": labels.selector(model)},
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
    }


def service_spec(model: str, among: Mapping[str, str] | None = None) -> ServiceSpecArgsDict:
    """The model's address inside the cluster; ``among`` narrows down which of its pods answer."""
    return {
        "ports": [
            {"name": "http", "port": PORT, "target_port": "http", "protocol": "TCP", "app_protocol": "http"}
        ],
        "selector": {**labels.selector(model), **(among or {})},
        "type": "ClusterIP",
    }
