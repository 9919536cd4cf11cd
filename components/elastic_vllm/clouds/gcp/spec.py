"""The ``cluster`` section of a stack on Google Kubernetes Engine."""

import re
from ipaddress import IPv4Network
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, model_validator

from elastic_vllm.clouds.address_ranges import PrivateRange, PublicRange
from elastic_vllm.clouds.gcp.landing_zone import (
    GcpEncryption,
    GcpExistingCluster,
    GcpExistingNetwork,
    LabelKey,
    LabelValue,
    NetworkTag,
    ProjectId,
    check_unused,
)
from elastic_vllm.clouds.gcp.maintenance import MaintenanceSpec
from elastic_vllm.section import Section, config_error


class GcpNetwork(Section):
    """Address ranges of a VPC of its own; fixed once made. Keep them apart from what you peer with."""

    nodes: PrivateRange = "10.0.0.0/20"
    """The nodes' addresses."""
    pods: PrivateRange = "10.4.0.0/14"
    """The pods' addresses; GKE takes a /24 of it for each node."""
    services: PrivateRange = "10.8.0.0/20"
    """The addresses of Services."""
    control_plane: PrivateRange = "172.16.0.0/28"
    """The control plane's private endpoint; a /28."""
    existing: GcpExistingNetwork | None = None
    """A network of yours in the place of one that the stack makes; it has its own ranges."""

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        for key in ("nodes", "pods", "services"):
            if self.existing and key in self.model_fields_set:
                raise config_error(
                    key, "is not used with network.existing, whose ranges are its own; leave one of them out"
                )
        return self

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        ranges = [
            ("nodes", self.nodes),
            ("pods", self.pods),
            ("services", self.services),
            ("controlPlane", self.control_plane),
        ]
        for (key, one), (other_key, other) in combinations(() if self.existing else ranges, 2):
            if IPv4Network(one).overlaps(IPv4Network(other)):
                raise config_error(other_key, f"{other} overlaps {key} {one}; choose ranges that are apart")
        if IPv4Network(self.services).prefixlen > 27:
            raise config_error("services", f"{self.services} is too small; GKE's own Services take a /27")
        if IPv4Network(self.control_plane).prefixlen != 28:
            raise config_error("controlPlane", f"{self.control_plane} is not a /28, which GKE asks for here")
        return self


class GcpSettings(Section):
    """Google Kubernetes Engine. The defaults are those of a small cluster that may go at any time."""

    cloud: Literal["gcp"]
    project: ProjectId
    """The project's id."""
    region: str = Field(pattern=r"^[a-z]+-[a-z]+\d+$", examples=["europe-west4"])
    """The region, as Google Cloud spells it."""
    zones: tuple[str, ...] = Field(default=(), max_length=4, examples=[["europe-west4-a", "europe-west4-c"]])
    """Zones of the nodes; choose those that have your GPUs. Zone b of the region when left out."""
    regional: bool = False
    """A control plane in three zones, and not in one alone."""
    control_plane_zone: str | None = None
    """The zone of a control plane that is not regional; another one is another cluster.

    The first of ``zones`` by the alphabet when left out: set it before you add an earlier one.
    """
    dns_endpoint: bool = True
    """A name of the control plane that Google's IAM guards, reached from anywhere; you deploy by it."""
    authorized_networks: tuple[PublicRange, ...] = ()
    """From where the control plane's public address answers; it has no such address when left out."""
    private_networks: tuple[PrivateRange, ...] = ()
    """From where its private address answers besides the VPC: ranges behind your VPN or Interconnect."""
    network: GcpNetwork = GcpNetwork()
    """The address ranges of the VPC."""
    release_channel: Literal["rapid", "regular", "stable", "extended"] = "regular"
    """How early GKE's own upgrades come; ``extended`` keeps a minor version longer, at a price."""
    maintenance: MaintenanceSpec | None = None
    """When they may come; at any hour when left out."""
    existing: GcpExistingCluster | None = None
    """A cluster of yours in the place of one that the stack makes; ``zones`` are those of the GPU nodes."""
    encryption: GcpEncryption = GcpEncryption()
    """Keys of yours."""
    bucket: str | None = Field(
        default=None, pattern=r"^[a-z0-9][-._a-z0-9]{1,61}[a-z0-9]$", examples=["acme-models"]
    )
    """A bucket of yours, with each model's files under ``<checkpoint>/<revision>/``.

    The stack then makes no bucket, and nothing is fetched from the hub. It takes ``projectNumber``.
    """
    project_number: int | None = Field(default=None, gt=0, examples=[123456789012])
    """The number of ``project``, by which ``bucket`` knows the stack's pods."""
    labels: dict[LabelKey, LabelValue] = Field(default={}, max_length=60, examples=[{"cost-center": "ml-7"}])
    """Labels of yours for the bill, beside ``app`` and ``stack``, on everything that takes labels."""
    network_tags: tuple[NetworkTag, ...] = Field(default=(), max_length=60, examples=[["gke-gpu"]])
    """Network tags of the nodes, which firewall rules of yours name."""
    fleet_project: ProjectId | None = None
    """The project of the fleet that the cluster joins; none when left out."""
    image_disk: str | None = Field(
        default=None,
        pattern=r"^projects/[^/]+/global/images/(family/)?[^/]+$",
        examples=["projects/acme-inference/global/images/vllm-0-33-0"],
    )
    """A disk image with the engine's image on it; GPU nodes get it as a secondary boot disk."""
    system_machine: str = Field(default="e2-standard-4", pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$")
    """The machine of the few nodes without GPUs that carry the cluster's own pods."""
    node_service_account: str | None = Field(
        default=None,
        pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]@[-.:a-z0-9]+\.iam\.gserviceaccount\.com$",
        examples=["gke-nodes@acme-inference.iam.gserviceaccount.com"],
    )
    """An account of yours for the nodes, with the roles that it needs; the stack makes one when left out."""
    protect: bool = False
    """Refuse to delete the cluster, its network and its encryption key, in Pulumi and at Google."""

    @model_validator(mode="after")
    def _zones_are_of_the_region(self) -> Self:
        for index, zone in enumerate(self.zones):
            if not re.fullmatch(rf"{self.region}-[a-z]", zone):
                raise config_error(
                    f"zones[{index}]", f"{zone!r} is no zone of {self.region}; write it as in {self.region}-b"
                )
            if zone in self.zones[:index]:
                raise config_error(f"zones[{index}]", f"{zone!r} is in the list already; name each zone once")
        if self.control_plane_zone and self.regional:
            raise config_error("controlPlaneZone", "is not used with regional: true; leave one of them out")
        if self.control_plane_zone and self.control_plane_zone not in self.node_zones:
            raise config_error(
                "controlPlaneZone",
                f"{self.control_plane_zone!r} is not one of zones ({', '.join(self.node_zones)}); add it",
            )
        return self

    @model_validator(mode="after")
    def _something_reaches_the_control_plane(self) -> Self:
        reached = self.dns_endpoint or self.authorized_networks or self.network.existing
        if not reached:
            raise config_error(
                "dnsEndpoint",
                "false without authorizedNetworks: the same update makes the VPC, so nothing that deploys is "
                "in it yet; leave it out, or list the public addresses that you deploy from",
            )
        return self

    @model_validator(mode="after")
    def _what_exists_fits(self) -> Self:
        if self.existing:
            check_unused(self.model_fields_set, self.encryption)
            if not self.node_service_account:
                raise config_error(
                    "nodeServiceAccount",
                    "is missing; with cluster.existing the stack makes no account: name that of your nodes",
                )
        lent = self.network.existing
        if lent and f"/regions/{self.region}/" not in lent.subnetwork:
            raise config_error(
                "network.existing.subnetwork",
                f"{lent.subnetwork} is not in {self.region}; name a subnetwork of the cluster's region",
            )
        for use, key in self.encryption.keys:
            if f"/locations/{self.region}/" not in key:
                raise config_error(
                    f"encryption.{use}", f"{key} is not in {self.region}; use a key of the cluster's region"
                )
        self._bucket_fits()
        for label in ("app", "stack"):
            if label in self.labels:
                raise config_error(f"labels.{label}", "is the stack's own label; use another name")
        return self

    def _bucket_fits(self) -> None:
        if self.bucket and self.project_number is None:
            raise config_error(
                "projectNumber",
                "is missing; with cluster.bucket give what this prints: gcloud projects describe "
                f"{self.project} --format='value(projectNumber)'",
            )
        if self.project_number is not None and not self.bucket:
            raise config_error("projectNumber", "has no effect without cluster.bucket; leave it out")
        if self.bucket and self.encryption.bucket:
            raise config_error(
                "encryption.bucket", "has no effect with cluster.bucket, which has its own; leave it out"
            )

    @property
    def makes_network(self) -> bool:
        """Whether the stack has a network of its own, with its way out."""
        return self.existing is None and self.network.existing is None

    @property
    def node_zones(self) -> tuple[str, ...]:
        """The zones in effect. Every region of Google Cloud has a zone b."""
        return self.zones or (f"{self.region}-b",)
