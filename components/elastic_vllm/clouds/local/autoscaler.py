"""Karpenter's node class for simulated nodes. Karpenter itself is started with the embedded cluster."""

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from elastic_vllm import labels
from elastic_vllm.clouds.local.delays import boot_seconds
from elastic_vllm.spec import LocalCluster

NODE_CLASS = "embedded"
GROUP = "karpenter.kwok.sh"
KIND = "KWOKNodeClass"


def node_class(name: str, cluster: LocalCluster, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Register the class; its delay stands for the machine's boot."""
    registered = CustomResource(
        f"{name}-node-class",
        api_version=f"{GROUP}/v1alpha1",
        kind=KIND,
        metadata={"name": NODE_CLASS, "labels": labels.shared()},
        spec={"nodeRegistrationDelay": f"{boot_seconds(cluster)}s"},
        opts=opts,
    )
    return registered.id
