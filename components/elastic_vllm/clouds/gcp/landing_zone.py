"""What a company has already: sections that name a network, a cluster, keys. Imports no SDK."""

from collections.abc import Iterator, Set
from typing import Annotated, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from elastic_vllm.section import Section, config_error

UNUSED = (
    "authorized_networks",
    "dns_endpoint",
    "fleet_project",
    "maintenance",
    "network",
    "private_networks",
    "release_channel",
    "system_machine",
)
"""Keys of ``cluster`` that say how a cluster is made; without effect on one that exists."""
KeyId = Annotated[
    str,
    Field(
        pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$",
        examples=["projects/acme-keys/locations/europe-west4/keyRings/inference/cryptoKeys/gke"],
    ),
]
RangeName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]

ProjectId = Annotated[str, Field(pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$", examples=["acme-inference"])]
LabelKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
LabelValue = Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")]
NetworkTag = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]


class GcpExistingNetwork(Section):
    """A network of yours, a Shared VPC among them. The stack makes no network, NAT or firewall rule then."""

    network: str = Field(
        pattern=r"^projects/[^/]+/global/networks/[^/]+$",
        examples=["projects/acme-host/global/networks/shared"],
    )
    """The VPC."""
    subnetwork: str = Field(
        pattern=r"^projects/[^/]+/regions/[^/]+/subnetworks/[^/]+$",
        examples=["projects/acme-host/regions/europe-west4/subnetworks/gke"],
    )
    """The nodes' subnetwork, in the cluster's region, with Private Google Access."""
    pods: RangeName = Field(examples=["pods"])
    """The name of its secondary range for pods."""
    services: RangeName = Field(examples=["services"])
    """The name of its secondary range for Services."""

    @property
    def host_project(self) -> str:
        """The project that has the network: the host, where it is a Shared VPC."""
        return self.subnetwork.split("/")[1]


class GcpExistingCluster(Section):
    """A GKE cluster of yours. The stack adds node pools, weights and models, and changes nothing else.

    It has to have Workload Identity and an endpoint by DNS name.
    """

    name: str = Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", examples=["platform"])
    """Its name. It is in the region with ``regional``, else in ``controlPlaneZone``."""
    endpoint: str = Field(
        pattern=r"^gke-[a-z0-9-]+\.[a-z0-9-]+\.gke\.goog$",
        examples=["gke-1a2b3c4d5e6f-123456789012.europe-west4.gke.goog"],
    )
    """The DNS name of its control plane: ``controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint``."""


class GcpEncryption(Section):
    """Cloud KMS keys of yours, in the cluster's region; ``fleet deployer`` prints who has to use them."""

    secrets: KeyId | Literal["google"] | None = None
    """For Secrets in etcd; ``google`` is Google's own encryption. The stack makes a key when left out."""
    disks: KeyId | None = None
    """For boot disks of nodes; Google's own encryption when left out."""
    bucket: KeyId | None = None
    """For the bucket with the weights; Google's own encryption when left out."""

    @property
    def keys(self) -> Iterator[tuple[str, str]]:
        """The keys that are given, by what they encrypt."""
        given = {"secrets": self.secrets, "disks": self.disks, "bucket": self.bucket}
        return ((use, key) for use, key in given.items() if key and key != "google")


def check_unused(given: Set[str], encryption: GcpEncryption) -> None:
    """Refuse keys that have no effect on a cluster that exists."""
    unused = [to_camel(field) for field in UNUSED if field in given]
    for key in [*unused, *(["encryption.secrets"] if encryption.secrets else [])]:
        raise config_error(key, "has no effect with cluster.existing, which stays as it is; leave it out")
