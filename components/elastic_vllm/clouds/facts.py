"""What the rest of the program asks a cloud that needs no SDK. Imports no Pulumi.

``ClusterSpec`` is a union of one class for each cloud, and each has these members. Code outside the clouds'
folders asks them and names no cloud, so a new cloud is a class that has them all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from elastic_vllm.catalog import CloudName, Counted, MachineRow, Purchase, QuotaRow

if TYPE_CHECKING:
    from elastic_vllm.clouds.base import Cloud
    from elastic_vllm.spec.finding import Finding
    from elastic_vllm.spec.stack import StackConfig

ALWAYS_EXCLUDED = (
    "taxes, discounts, commitments and free tiers",
    "traffic: out to the internet, between zones, through NAT, by the GiB",
    "logs, metrics and traces",
    "encryption keys, and requests to any API",
    "the bucket with the weights, and fetching them once",
    "volumes that compile caches are kept on",
)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Units of each service, by its name in the catalogue."""

    fixed: Mapping[str, float]
    """Units that are billed as long as the stack exists."""
    per_gpu_node: Mapping[str, float]
    """Units that come with each GPU node, besides the machine."""
    region: str | None
    """Where the stack runs; ``None`` where nothing is billed."""
    excluded: tuple[str, ...]
    """Costs that no figure contains."""
    zones: tuple[str, ...] = ()
    """The zones of the nodes, where the region has some."""
    control_plane_zones: tuple[str, ...] = ()
    """Those of them that the control plane is in, where the stack decides that."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Machines of one kind that may run at once, bought in one way, and what they count in quotas."""

    who: str
    machine: str
    family: str
    """The family of quotas that count it."""
    nodes: int
    amounts: Mapping[Counted, int]
    """What one of them counts, by unit."""
    purchase: Purchase = "on-demand"

    def counted(self, row: QuotaRow) -> int:
        """How much of a quota these machines take."""
        named = not row.families or self.family in row.families
        return self.nodes * self.amounts.get(row.counts, 0) if named and self.purchase in row.buys else 0


class AccountError(ValueError):
    """An account or project that the stack cannot be in: what is wrong, and what to do."""


class ClusterFacts(Protocol):
    """The ``cluster`` section of any cloud."""

    @property
    def cloud(self) -> str:
        """The cloud's name, which tells the sections apart."""

    @property
    def catalogue(self) -> CloudName:
        """The cloud whose machines the cluster's nodes are."""

    @property
    def image_on_nodes(self) -> bool:
        """Whether new machines have the engine's image already."""

    @property
    def authorized_networks(self) -> tuple[str, ...]:
        """The IPv4 ranges that reach the control plane's public address."""

    @property
    def kubernetes_version(self) -> tuple[int, int] | None:
        """The control plane's version, where the stack file decides it."""

    @property
    def hpa_sync_seconds(self) -> int | None:
        """The period of the HPA controller, where it is not Kubernetes' own."""

    @property
    def metrics_scrape_seconds(self) -> float:
        """The period in which metrics-server reads the kubelets."""

    @property
    def spot_notice_seconds(self) -> int | None:
        """How long before a Spot machine goes it is announced, where pods may use all of it."""

    @property
    def autoscaler_name(self) -> str:
        """The product that adds and removes nodes."""

    def pulled(self, image: str) -> str:
        """The name by which nodes pull an image: another where the cluster has a cache of its registry."""

    def bill(self, machine: MachineRow | None = None) -> Bill:
        """The services that the cluster is billed; ``per_gpu_node`` is that of a pool with this machine."""

    def quota_rows(self) -> Mapping[str, QuotaRow]:
        """The quotas that the cluster's machines count against; none where machines are simulated."""

    def node_disks(self, machine: MachineRow) -> Mapping[Counted, int]:
        """The network disks of one GPU node, as quotas count them."""

    def replacing(self, min_nodes: int) -> int:
        """Nodes that may run above ``maxNodes`` while one of so many kept nodes is replaced."""

    def other_demand(self) -> Iterator[Demand]:
        """What the cluster takes of quotas beside its GPU nodes."""

    def deployer_documents(self, stack: str, account: str) -> Mapping[str, str]:
        """The permissions that deploying takes: documents by file name; raises ``AccountError``."""

    def check(self, config: "StackConfig") -> "Iterator[Finding]":
        """What the cloud would refuse of the stack while its resources are made."""

    def implementation(self) -> "Cloud":
        """The cloud's components; imports its SDK."""
