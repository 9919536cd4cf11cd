"""Placeholder pods that keep nodes warm for replicas to come. Pure.

Each asks for exactly what a replica asks for, at a priority below every pod that has none, so the scheduler
ends it the moment a replica needs its place; it is then Pending, which brings the node for the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elastic_vllm import labels
from elastic_vllm.placement import Placement
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import container
from elastic_vllm.vllm.inputs import AS_DECLARED, PodInputs
from elastic_vllm.vllm.pod import tolerations, with_pull_secrets

if TYPE_CHECKING:
    import pulumi
    from pulumi_kubernetes.apps.v1 import DeploymentSpecArgsDict
    from pulumi_kubernetes.core.v1 import PodSpecArgsDict

PRIORITY = -1
"""Below pods without a class, which have 0. GKE's autoscaler brings no node for what is below -10."""
IMAGE = "registry.k8s.io/pause:3.10.1@sha256:278fb9dbcca9518083ad1e11276933a2e96f23de604a3a08cc3c80002767d24c"
USER = 65535
"""The image's own user."""


def name(model: str) -> str:
    """Of the Deployment; it tells its pods from the model's, so that no Service, policy or HPA takes them."""
    return f"{model}-headroom"


def deployment_spec(
    model: ModelSpec,
    placement: Placement,
    priority_class: pulumi.Input[str],
    given: PodInputs = AS_DECLARED,
) -> DeploymentSpecArgsDict:
    """As many placeholders as there are places to keep. A change replaces them where they are."""
    known = labels.placeholder(name(model.name))
    return {
        "replicas": model.headroom,
        "revision_history_limit": 1,
        "selector": {"match_labels": known},
        "strategy": {"type": "Recreate"},
        "template": {
            "metadata": {"labels": {**known, **labels.shared()}},
            "spec": pod(model, placement, priority_class, given),
        },
    }


def pod(
    model: ModelSpec,
    placement: Placement,
    priority_class: pulumi.Input[str],
    given: PodInputs = AS_DECLARED,
) -> PodSpecArgsDict:
    """One placeholder. It ends without grace: a replica waits for its place.

    Its first container does nothing, in the model's image: a node is warm only once it has that.
    """
    resources, security = container.resources(model, placement.gpu_resource, given), container.security()
    made: PodSpecArgsDict = {
        "automount_service_account_token": False,
        "containers": [
            {"name": "pause", "image": IMAGE, "resources": resources, "security_context": security}
        ],
        "enable_service_links": False,
        "init_containers": [
            {
                "name": "pull",
                "image": given.image_of(model),
                "command": ["/bin/true"],
                "resources": resources,
                "security_context": security,
            }
        ],
        "node_selector": dict(sorted(placement.node_selector.items())),
        "priority_class_name": priority_class,
        "security_context": {
            "run_as_group": USER,
            "run_as_non_root": True,
            "run_as_user": USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "termination_grace_period_seconds": 0,
        "tolerations": tolerations(placement.tolerations),
    }
    return with_pull_secrets(made, model.engine.image_pull_secrets)
