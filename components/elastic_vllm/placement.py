"""What a workload needs to know of a pool. Imports no Pulumi."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """A DNS server that pods ask: pods of ``kube-system`` by their labels, or an address of the node."""

    pods: Mapping[str, str] | None = None
    cidr: str | None = None


CLUSTER_DNS = Resolver(pods={"k8s-app": "kube-dns"})
"""kube-dns or CoreDNS, which have the same label."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """All that a workload needs to know of a pool to run on its nodes."""

    accelerator: str
    """The GPU found there, by its neutral name; startup is predicted from it."""
    node_selector: Mapping[str, str]
    tolerations: Sequence[Mapping[str, str]]
    gpu_resource: str = "nvidia.com/gpu"
    """The extended resource by which nodes offer their GPUs."""
    most_gpus: int | None = None
    """GPUs that all nodes together can have; ``None`` where there is no such limit."""
    network_mbps: int | None = None
    """What each node's network sustains; ``None`` where it is not known. Weights come over it."""
    has_volumes: bool = True
    """Whether a volume provisioner serves claims there."""
    resolvers: Sequence[Resolver] = (CLUSTER_DNS,)
    """The DNS servers that pods of these nodes ask."""
