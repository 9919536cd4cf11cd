"""What the rest of the program asks of a cluster on Nimbus, and what a stack file says of one."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from elastic_vllm import catalog
from elastic_vllm.catalog import CloudName, Counted, MachineRow, QuotaRow
from elastic_vllm.clouds.facts import Bill, Demand
from elastic_vllm.clouds.nimbus import billing, quotas
from elastic_vllm.section import Section

if TYPE_CHECKING:
    from elastic_vllm.clouds.base import Cloud
    from elastic_vllm.spec.finding import Finding
    from elastic_vllm.spec.stack import StackConfig


class NimbusCluster(Section):
    """Nimbus Kubernetes: a cluster that exists already, with Karpenter in it."""

    cloud: Literal["nimbus"]
    region: str
    context: str
    """The context of your kubeconfig that reaches it."""
    authorized_networks: tuple[str, ...] = ()
    protect: bool = False
    system_nodes: int = 3

    @property
    def catalogue(self) -> CloudName:
        """See ``ClusterFacts.catalogue``."""
        return self.cloud

    @property
    def image_on_nodes(self) -> bool:
        """See ``ClusterFacts.image_on_nodes``."""
        return False

    @property
    def kubernetes_version(self) -> tuple[int, int] | None:
        """See ``ClusterFacts.kubernetes_version``."""
        return None

    @property
    def hpa_sync_seconds(self) -> int | None:
        """See ``ClusterFacts.hpa_sync_seconds``."""
        return None

    @property
    def metrics_scrape_seconds(self) -> float:
        """See ``ClusterFacts.metrics_scrape_seconds``."""
        return 15.0

    @property
    def spot_notice_seconds(self) -> int | None:
        """See ``ClusterFacts.spot_notice_seconds``."""
        return None

    @property
    def autoscaler_name(self) -> str:
        """See ``ClusterFacts.autoscaler_name``."""
        return catalog.node_autoscaler(self.cloud)

    def pulled(self, image: str) -> str:
        """See ``ClusterFacts.pulled``."""
        return image

    def bill(self, machine: MachineRow | None = None) -> Bill:
        """See ``ClusterFacts.bill``."""
        del machine
        return billing.bill(self.region, self.system_nodes)

    def quota_rows(self) -> Mapping[str, QuotaRow]:
        """See ``ClusterFacts.quota_rows``."""
        return catalog.quotas(self.catalogue)

    def node_disks(self, machine: MachineRow) -> Mapping[Counted, int]:
        """See ``ClusterFacts.node_disks``."""
        del machine
        return {"boot disk GB": billing.DISK_GB}

    def replacing(self, min_nodes: int) -> int:
        """See ``ClusterFacts.replacing``."""
        del min_nodes
        return 0

    def other_demand(self) -> Iterator[Demand]:
        """See ``ClusterFacts.other_demand``."""
        return quotas.other_demand(self.system_nodes)

    def deployer_documents(self, stack: str, account: str) -> Mapping[str, str]:
        """See ``ClusterFacts.deployer_documents``."""
        return {"grants": f"grant operator of {stack} to {account}"}

    def check(self, config: "StackConfig") -> "Iterator[Finding]":
        """See ``ClusterFacts.check``. Nimbus refuses nothing."""
        del config
        return iter(())

    def implementation(self) -> "Cloud":
        """See ``ClusterFacts.implementation``."""
        from elastic_vllm.clouds.nimbus.cloud import NimbusCloud  # noqa: PLC0415  # only where it is used

        return NimbusCloud(self)
