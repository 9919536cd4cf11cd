"""The controller of replicas that span several nodes, as its chart: the same on every managed cluster."""

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from elastic_vllm.clouds.mirrors import Mirrors

CHART = "oci://registry.k8s.io/lws/charts/lws"
IMAGE = "registry.k8s.io/lws/lws"
VERSION = "0.9.0"
"""As the embedded cluster has it, whose tests are the proof."""
NAMESPACE = "lws-system"
WEBHOOK_PORT = 9443
"""Where its webhooks listen; without them the API server takes no group."""


def controller(name: str, opts: pulumi.ResourceOptions, mirrors: Mirrors | None = None) -> Release:
    """Register LeaderWorkerSet: definitions, controller, and webhooks with certificates of its own making."""
    mirrors = mirrors or Mirrors()
    return Release(
        name,
        name="lws",
        chart=mirrors.chart(CHART),
        version=VERSION,
        namespace=NAMESPACE,
        create_namespace=True,
        values={
            **({"image": {"manager": image}} if (image := mirrors.repository(IMAGE)) else {}),
            "replicaCount": 2,
            "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}},
        },
        opts=opts,
    )
