"""What the rest of the program asks of a cluster on AWS. Imports an SDK where resources register only."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from elastic_vllm import catalog
from elastic_vllm.catalog import CloudName, Counted, MachineRow, QuotaRow
from elastic_vllm.clouds import docker_hub
from elastic_vllm.clouds.aws import billing, quotas
from elastic_vllm.clouds.aws.deployer import boundary, deployer
from elastic_vllm.clouds.aws.spec import AwsSettings
from elastic_vllm.clouds.facts import AccountError, Bill, Demand

if TYPE_CHECKING:
    from elastic_vllm.clouds.base import Cloud
    from elastic_vllm.spec.finding import Finding
    from elastic_vllm.spec.stack import StackConfig


class AwsCluster(AwsSettings):
    """Amazon EKS. The defaults are those of a small cluster that may go at any time."""

    @property
    def catalogue(self) -> CloudName:
        """See ``ClusterFacts.catalogue``."""
        return self.cloud

    @property
    def image_on_nodes(self) -> bool:
        """See ``ClusterFacts.image_on_nodes``."""
        return self.image_snapshot is not None

    @property
    def kubernetes_version(self) -> tuple[int, int] | None:
        """See ``ClusterFacts.kubernetes_version``."""
        if self.existing:
            return None
        major, _, minor = self.kubernetes.partition(".")
        return int(major), int(minor)

    @property
    def metrics_scrape_seconds(self) -> float:
        """See ``ClusterFacts.metrics_scrape_seconds``."""
        return 15.0

    @property
    def spot_notice_seconds(self) -> int | None:
        """See ``ClusterFacts.spot_notice_seconds``.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html, 2026-08
        """
        return 120

    @property
    def autoscaler_name(self) -> str:
        """See ``ClusterFacts.autoscaler_name``."""
        chosen = self.node_autoscaler
        return catalog.node_autoscaler(self.cloud) if chosen == "karpenter" else chosen

    def pulled(self, image: str) -> str:
        """See ``ClusterFacts.pulled``."""
        return docker_hub.through(self.image_cache, image)

    def bill(self, machine: MachineRow | None = None) -> Bill:
        """See ``ClusterFacts.bill``."""
        return billing.bill(self, machine)

    def quota_rows(self) -> Mapping[str, QuotaRow]:
        """See ``ClusterFacts.quota_rows``."""
        return catalog.quotas(self.catalogue)

    def node_disks(self, machine: MachineRow) -> Mapping[Counted, int]:
        """See ``ClusterFacts.node_disks``. AWS's limit is in TiB, out of reach."""
        del machine
        return {}

    def replacing(self, min_nodes: int) -> int:
        """See ``ClusterFacts.replacing``. Karpenter makes the new node first; a managed group does not."""
        return int(self.node_autoscaler == "karpenter" and min_nodes > 0)

    def other_demand(self) -> Iterator[Demand]:
        """See ``ClusterFacts.other_demand``."""
        return quotas.other_demand(self)

    def deployer_documents(self, stack: str, account: str) -> Mapping[str, str]:
        """See ``ClusterFacts.deployer_documents``. IAM policies."""
        if not re.fullmatch(r"\d{12}", account):
            raise AccountError(
                f"{account!r} is no AWS account id",
                "give its 12 digits; `aws sts get-caller-identity` prints them",
            )
        policies = {
            **deployer(self.region, account, stack, self.permissions_boundary, self),
            "boundary": boundary(self.region, account, stack),
        }
        return {f"{name}.json": json.dumps(policy, indent=2) for name, policy in policies.items()}

    def check(self, config: "StackConfig") -> "Iterator[Finding]":
        """See ``ClusterFacts.check``."""
        from elastic_vllm.clouds.aws import rules  # noqa: PLC0415  # it needs the whole stack's type

        return rules.check(self, config)

    def implementation(self) -> "Cloud":
        """See ``ClusterFacts.implementation``."""
        from elastic_vllm.clouds.aws.cloud import AwsCloud  # noqa: PLC0415  # a cloud not in use costs nothing

        return AwsCloud(self)
