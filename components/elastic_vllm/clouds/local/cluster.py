"""The embedded cluster as Pulumi sees it: a provider. ``fleet cluster up`` starts the cluster itself."""

import pulumi
import pulumi_kubernetes

from elastic_vllm.clouds.base import ClusterAccess
from elastic_vllm.clouds.local.home import kubeconfig, require_kubeconfig

PROVIDER_VERSION = "4.25.0"
"""The embedded cluster's provider, downloaded or built: the Go module proxy serves no newer one."""


def access(name: str, opts: pulumi.ResourceOptions) -> ClusterAccess:
    """The provider, by an explicit kubeconfig. A preview needs no running cluster, an update does.

    Secrets are mutable, so that a new API key updates the Secret instead of deleting it first.
    """
    path = kubeconfig() if pulumi.runtime.is_dry_run() else require_kubeconfig()
    provider = pulumi_kubernetes.Provider(
        f"{name}-provider",
        kubeconfig=str(path),
        enable_server_side_apply=True,
        enable_secret_mutable=True,
        opts=pulumi.ResourceOptions.merge(opts, _options()),
    )
    return ClusterAccess(provider=provider)


def _options() -> pulumi.ResourceOptions:
    """The pinned version, and the provider's name from before it had a component above it."""
    alias = pulumi.Alias(name="embedded", parent=pulumi.ROOT_STACK_RESOURCE)
    return pulumi.ResourceOptions(version=PROVIDER_VERSION, aliases=[alias])
