"""The namespace that models are served in: locked down before anything runs there."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from elastic_vllm import labels
from elastic_vllm.vllm.network import default_deny_spec

POD_SECURITY = "pod-security.kubernetes.io"
LEVEL = "restricted"
VERSION = "v1.36"
"""Pinned, so that a cluster upgrade does not refuse pods that ran the day before."""


@dataclass(frozen=True, kw_only=True)
class ServingNamespaceArgs:
    """The object's own name; it decides where every model's objects are, so it is plain."""

    namespace: str


class ServingNamespace(pulumi.ComponentResource):
    """Enforces Pod Security ``restricted`` and lets no pod talk unless a policy allows it."""

    namespace: pulumi.Output[str]
    """The namespace's name; what takes it waits until the namespace is there."""

    def __init__(
        self, name: str, args: ServingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("elastic-vllm:serving:ServingNamespace", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespace = Namespace(
            f"{name}-namespace",
            metadata={"name": args.namespace, "labels": namespace_labels()},
            opts=child,
        )
        self.namespace = namespace.metadata.name
        NetworkPolicy(
            f"{name}-default-deny",
            metadata={"name": "default-deny", "namespace": self.namespace, "labels": labels.shared()},
            spec=default_deny_spec(),
            opts=child,
        )
        self.register_outputs({"namespace": self.namespace})


def namespace_labels() -> dict[str, str]:
    """Enforced, and warned of and audited alike, so that a refused pod says why on every path."""
    modes = {
        f"{POD_SECURITY}/{mode}{suffix}": value
        for mode in ("audit", "enforce", "warn")
        for suffix, value in (("", LEVEL), ("-version", VERSION))
    }
    return {**labels.shared(), **modes}
