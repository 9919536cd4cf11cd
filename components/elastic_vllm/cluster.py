"""Where everything else runs: the cluster, all that is under it, and the one way to reach it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes

from elastic_vllm.clouds.base import Cloud
from elastic_vllm.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """The cloud knows the rest: what a stack declares of its cluster came with it."""

    cloud: Cloud
    models: Sequence[ModelSpec] = ()
    """What will be served. Replicas of several nodes take a controller that no cluster has by itself."""


class Cluster(pulumi.ComponentResource):
    """The cluster of a stack. Whatever takes its provider is deleted before any part of it."""

    provider: pulumi_kubernetes.Provider
    """The provider of every Kubernetes object of the stack."""
    outputs: Mapping[str, pulumi.Input[str]]
    """What to export of the cluster, by name; empty where there is nothing to know."""

    addons: Sequence[pulumi.Resource]
    """What else a stack stands on, and has to wait for."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("elastic-vllm:cluster:Cluster", name, None, opts)
        access = args.cloud.cluster(name, opts=pulumi.ResourceOptions(parent=self))
        self.provider = access.provider
        self.outputs = access.outputs
        self.addons = []
        if any(model.is_group for model in args.models):
            child = pulumi.ResourceOptions(parent=self, provider=access.provider)
            self.addons = args.cloud.groups(f"{name}-groups", child)
        self.register_outputs({**access.outputs})
