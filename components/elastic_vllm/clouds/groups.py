"""The controller of replicas that span several nodes, as its chart: the same on every managed cluster."""

import pulumi
from pulumi_kubernetes.helm.v3 import Release

CHART = "oci://registry.k8s.io/lws/charts/lws"
VERSION = "0.9.0"
"""As the embedded cluster has it, whose tests are the proof."""
NAMESPACE = "lws-system"
WEBHOOK_PORT = 9443
"""Where its webhooks listen; without them the API server takes no group."""


def controller(name: str, opts: pulumi.ResourceOptions) -> Release:
    """Register LeaderWorkerSet: definitions, controller, and webhooks with certificates of its own making."""
    return Release(
        name,
        name="lws",
        chart=CHART,
        version=VERSION,
        namespace=NAMESPACE,
        create_namespace=True,
        values={"replicaCount": 2, "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}}},
        opts=opts,
    )
