"""What the rest of the program asks of a cluster on Google Cloud. Imports an SDK only to register."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from elastic_vllm import catalog
from elastic_vllm.catalog import CloudName, Counted, MachineRow, QuotaRow
from elastic_vllm.clouds.facts import AccountError, Bill, Demand
from elastic_vllm.clouds.gcp import billing, quotas
from elastic_vllm.clouds.gcp.deployer import commands
from elastic_vllm.clouds.gcp.spec import GcpSettings

if TYPE_CHECKING:
    from elastic_vllm.clouds.base import Cloud
    from elastic_vllm.spec.finding import Finding
    from elastic_vllm.spec.stack import StackConfig


class GcpCluster(GcpSettings):
    """Google Kubernetes Engine. The defaults are those of a small cluster that may go at any time."""

    @property
    def catalogue(self) -> CloudName:
        """See ``ClusterFacts.catalogue``."""
        return self.cloud

    @property
    def image_on_nodes(self) -> bool:
        """See ``ClusterFacts.image_on_nodes``."""
        return self.image_disk is not None

    @property
    def kubernetes_version(self) -> tuple[int, int] | None:
        """See ``ClusterFacts.kubernetes_version``. The release channel decides it."""
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
        return billing.bill(self, machine)

    def quota_rows(self) -> Mapping[str, QuotaRow]:
        """See ``ClusterFacts.quota_rows``."""
        return catalog.quotas(self.catalogue)

    def node_disks(self, machine: MachineRow) -> Mapping[Counted, int]:
        """See ``ClusterFacts.node_disks``."""
        return quotas.node_disks(machine)

    def replacing(self, min_nodes: int) -> int:
        """See ``ClusterFacts.replacing``."""
        del min_nodes
        return 0

    def other_demand(self) -> Iterator[Demand]:
        """See ``ClusterFacts.other_demand``."""
        return quotas.other_demand(self)

    def deployer_documents(self, stack: str, account: str) -> Mapping[str, str]:
        """See ``ClusterFacts.deployer_documents``. Commands that grant roles in the project."""
        from elastic_vllm.clouds.gcp.identity import NODE_ROLES  # noqa: PLC0415  # its module imports the SDK

        if account != self.project:
            raise AccountError(
                f"stack {stack} is in the project {self.project}, not in {account!r}",
                f"give --account {self.project}, or change cluster.project in the stack file",
            )
        return {"roles.sh": "\n".join(commands(self, NODE_ROLES))}

    def check(self, config: "StackConfig") -> "Iterator[Finding]":
        """See ``ClusterFacts.check``."""
        from elastic_vllm.clouds.gcp import rules  # noqa: PLC0415  # it needs the whole stack's type

        return rules.check(self, config)

    def implementation(self) -> "Cloud":
        """See ``ClusterFacts.implementation``."""
        from elastic_vllm.clouds.gcp.cloud import GcpCloud  # noqa: PLC0415  # a cloud not in use costs nothing

        return GcpCloud(self)
