"""The embedded cluster as Pulumi sees it: a provider. ``fleet cluster up`` starts the cluster itself."""

import pulumi
import pulumi_kubernetes

from elastic_vllm.clouds.base import ClusterAccess
from elastic_vllm.clouds.local.home import kubeconfig, require_kubeconfig


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
        opts=pulumi.ResourceOptions.merge(opts, _legacy_alias()),
    )
    return ClusterAccess(provider=provider)


def _legacy_alias() -> pulumi.ResourceOptions:
    """Alias for the provider's URN before it had a parent."""
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name="embedded", parent=pulumi.ROOT_STACK_RESOURCE)])
