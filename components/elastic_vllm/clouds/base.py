"""The seam between the product and a cloud: what each cloud answers, in the product's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypedDict

from elastic_vllm.placement import CLUSTER_DNS, Placement, Resolver

if TYPE_CHECKING:
    import pulumi
    import pulumi_kubernetes

    from elastic_vllm.spec import ModelSpec, NodeAutoscalingSpec, NodePoolSpec


class ClusterOutputs(TypedDict, total=False):
    """What a stack exports of its cluster; what grants access is a secret. Empty for the embedded cluster."""

    endpoint: pulumi.Input[str]
    kubeconfig: pulumi.Input[str]
    location: pulumi.Input[str]
    """The region or zone, where a client has to name it."""
    name: pulumi.Input[str]
    network: pulumi.Input[str]
    """The cloud's id of the network that the cluster is in."""
    nodeAccount: pulumi.Input[str]  # outputs are camelCase
    """The account of the nodes, to which a registry of yours can grant pulling."""


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """How the rest of the program, and its readers, reach a cluster."""

    provider: pulumi_kubernetes.Provider
    """The provider of every Kubernetes object. It depends on whatever those objects need to be deleted."""
    outputs: ClusterOutputs = field(default_factory=ClusterOutputs)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The Kubernetes service accounts of one namespace that have to do with weights."""

    namespace: pulumi.Input[str]
    readers: Sequence[str]
    """Those of the models."""
    writer: str
    """That of the Jobs that fetch weights."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a pod may connect to, beside what its network policy allows anyway."""

    cidr: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket for weights, reached by the identity of pods and by no key."""

    address: pulumi.Output[str]
    """With its scheme and without a slash at the end, as in ``s3://name``."""
    environment: Mapping[str, str]
    """Variables of the containers that use it."""
    credentials: Sequence[Endpoint]
    """Where pods are given the credentials of their identity."""
    ready: Sequence[pulumi.Resource]
    """Without these no pod can use it."""
    resolvers: Sequence[Resolver] = (CLUSTER_DNS,)
    """The DNS servers that the Jobs which fill it ask."""
    filled: bool = False
    """Whether the weights are in it already, and nothing fetches them."""


class Cloud(Protocol):
    """Every cloud difference, method by method. Each cloud's folder holds the same file names.

    No cloud remembers what it registers. ``cluster`` returns a ``RegisteredCluster``, the ``autoscaler`` of
    that a ``RegisteredAutoscaler``, which has ``node_pool``: the types allow no other order.
    """

    def cluster(self, name: str, opts: pulumi.ResourceOptions) -> RegisteredCluster:
        """Register the cluster: network, control plane, add-ons, its Kubernetes provider.

        Never the ambient kubeconfig; on a real cloud never the default provider of its SDK either.
        """

    def placement(self, pool: NodePoolSpec) -> Placement:
        """How a pod gets onto this pool's nodes."""

    def pod_annotations(self, model: ModelSpec, pool: NodePoolSpec) -> Mapping[str, str]:
        """Annotations that only this cloud's nodes read; none on a real cloud."""


class RegisteredCluster(Protocol):
    """A cluster that ``Cloud.cluster`` has registered, and what can be registered on it."""

    @property
    def access(self) -> ClusterAccess:
        """The Kubernetes provider, and what the stack exports."""

    def autoscaler(
        self, name: str, spec: NodeAutoscalingSpec, opts: pulumi.ResourceOptions
    ) -> RegisteredAutoscaler:
        """Register what adds and removes nodes."""

    def groups(self, name: str, opts: pulumi.ResourceOptions) -> Sequence[pulumi.Resource]:
        """Register the controller of replicas that span several nodes; return what they have to wait for."""

    def weights(self, name: str, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket | None:
        """Register the bucket with the weights, once per program, and who may use it.

        None where pods read no weights, or bring their own.
        """


class RegisteredAutoscaler(Protocol):
    """An autoscaler that ``RegisteredCluster.autoscaler`` has registered, and the pools it grows."""

    @property
    def node_class(self) -> pulumi.Output[str]:
        """The name that pools find it by; known after an update."""

    def node_pool(self, name: str, pool: NodePoolSpec, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """Register one pool of identical nodes; return the cloud's id of it."""
