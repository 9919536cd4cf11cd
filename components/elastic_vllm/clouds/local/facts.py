"""What the rest of the program asks of the embedded cluster. Imports an SDK only to register."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from elastic_vllm import catalog
from elastic_vllm.catalog import CloudName, Counted, MachineRow, QuotaRow
from elastic_vllm.clouds.facts import Bill, Demand
from elastic_vllm.clouds.local import billing, quotas
from elastic_vllm.clouds.local.spec import LocalSettings

if TYPE_CHECKING:
    from elastic_vllm.clouds.base import Cloud
    from elastic_vllm.spec.finding import Finding
    from elastic_vllm.spec.stack import StackConfig

KUBERNETES = (1, 36)
"""The minor version that ``fleet`` builds."""


class LocalCluster(LocalSettings):
    """The embedded cluster: a real control plane on this machine, simulated machines."""

    @property
    def catalogue(self) -> CloudName:
        """See ``ClusterFacts.catalogue``."""
        return self.machines

    @property
    def authorized_networks(self) -> tuple[str, ...]:
        """See ``ClusterFacts.authorized_networks``. It listens on loopback addresses."""
        return ()

    @property
    def kubernetes_version(self) -> tuple[int, int] | None:
        """See ``ClusterFacts.kubernetes_version``."""
        return KUBERNETES

    @property
    def hpa_sync_seconds(self) -> int | None:
        """See ``ClusterFacts.hpa_sync_seconds``."""
        return None

    @property
    def metrics_scrape_seconds(self) -> float:
        """See ``ClusterFacts.metrics_scrape_seconds``."""
        return 10.0

    @property
    def spot_notice_seconds(self) -> int | None:
        """See ``ClusterFacts.spot_notice_seconds``."""
        return None

    @property
    def autoscaler_name(self) -> str:
        """See ``ClusterFacts.autoscaler_name``. That of the cloud whose machines are simulated."""
        return catalog.node_autoscaler(self.machines)

    def pulled(self, image: str) -> str:
        """See ``ClusterFacts.pulled``."""
        return image

    def bill(self, machine: MachineRow | None = None) -> Bill:
        """See ``ClusterFacts.bill``."""
        del machine
        return billing.bill(self)

    def quota_rows(self) -> Mapping[str, QuotaRow]:
        """See ``ClusterFacts.quota_rows``."""
        return {}

    def node_disks(self, machine: MachineRow) -> Mapping[Counted, int]:
        """See ``ClusterFacts.node_disks``."""
        del machine
        return {}

    def replacing(self, min_nodes: int) -> int:
        """See ``ClusterFacts.replacing``."""
        del min_nodes
        return 0

    def other_demand(self) -> Iterator[Demand]:
        """See ``ClusterFacts.other_demand``."""
        return quotas.other_demand()

    def deployer_documents(self, stack: str, account: str) -> Mapping[str, str]:
        """See ``ClusterFacts.deployer_documents``."""
        del stack, account
        return {}

    def check(self, config: "StackConfig") -> "Iterator[Finding]":
        """See ``ClusterFacts.check``."""
        from elastic_vllm.clouds.local import rules  # noqa: PLC0415  # it needs the whole stack's type

        return rules.check(self, config)

    def implementation(self) -> "Cloud":
        """See ``ClusterFacts.implementation``."""
        from elastic_vllm.clouds.local.cloud import LocalCloud  # noqa: PLC0415  # only where it is used

        return LocalCloud(self)
