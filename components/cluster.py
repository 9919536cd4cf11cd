"""Where everything else runs: the cluster, all that is under it, and the one way to reach it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes

from components.clouds.base import Cloud


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """The cloud knows the rest: what a stack declares of its cluster came with it."""

    cloud: Cloud


class Cluster(pulumi.ComponentResource):
    """The cluster of a stack. Whatever takes its provider is deleted before any part of it."""

    provider: pulumi_kubernetes.Provider
    """The provider of every Kubernetes object of the stack."""
    outputs: Mapping[str, pulumi.Input[str]]
    """What to export of the cluster, by name; empty where there is nothing to know."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("elastic-vllm:cluster:Cluster", name, None, opts)
        access = args.cloud.cluster(name, opts=pulumi.ResourceOptions(parent=self))
        self.provider = access.provider
        self.outputs = access.outputs
        self.register_outputs({**access.outputs})
