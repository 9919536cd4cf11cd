"""Where a stack runs: one member of a union for each cloud, told apart by ``cloud``."""

import re
from ipaddress import IPv4Network
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from elastic_vllm.catalog import CloudName
from elastic_vllm.spec.base import Section, wrong


def _ipv4_range(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as problem:
        raise ValueError(f"{text!r} is not an IPv4 range: {problem}; write it as in 203.0.113.0/24") from None


def _not_the_world(text: str) -> str:
    if _ipv4_range(text).prefixlen < 8:
        raise ValueError(f"{text} opens the control plane to the world; list the ranges you deploy from")
    return text


def _private(text: str) -> str:
    if not _ipv4_range(text).is_private:
        raise ValueError(f"{text} is not private; take a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    return text


PublicRange = Annotated[str, AfterValidator(_not_the_world), Field(examples=["203.0.113.0/24"])]
"""An IPv4 range that may reach a control plane; never the whole internet."""
PrivateRange = Annotated[str, AfterValidator(_private), Field(examples=["10.0.0.0/20"])]
"""An IPv4 range of a VPC."""


class LocalCluster(Section):
    """The embedded cluster: a real control plane on this machine, simulated machines."""

    cloud: Literal["local"]
    machines: CloudName = "aws"
    """Whose machines the simulated nodes have: shape, price and boot time come from that catalogue."""
    compression: float = Field(default=1, ge=1, le=100)
    """What the catalogue's boot, pull and load times are divided by; 1 is real time."""
    image_on_nodes: bool = False
    """Whether new machines have the engine's image already, as with AWS's snapshots and Google's disks."""

    @property
    def catalogue(self) -> CloudName:
        """The cloud whose machines this cluster's nodes are."""
        return self.machines


class AwsNetwork(Section):
    """A VPC of its own, cut into one public and one private subnet for each zone."""

    vpc: PrivateRange = "10.64.0.0/16"
    """The VPC's addresses; it cannot be changed later. Pods take addresses from it too: a /16 to a /20."""
    nat: Literal["one", "per-zone"] = "one"
    """How private nodes reach the internet: by one gateway, or by one in each zone."""

    @model_validator(mode="after")
    def _the_range_has_room(self) -> Self:
        if not 16 <= IPv4Network(self.vpc).prefixlen <= 20:
            raise wrong("vpc", f"{self.vpc} cannot be a VPC of ours; take a /16 to a /20, as in 10.64.0.0/16")
        return self


def _not_reserved(text: str) -> str:
    if text.lower().startswith(("aws:", "kubernetes.io/", "karpenter")):
        raise ValueError(f"{text!r} belongs to AWS, Kubernetes or Karpenter; choose another tag")
    return text


def _not_china(region: str) -> str:
    if region.startswith("cn-"):
        raise ValueError(f"{region} is in a cloud apart, which has no resources here; choose another region")
    return region


AdminArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[-a-z]*:iam::\d{12}:(role|user)/.+$",
        examples=["arn:aws:iam::111122223333:role/ops"],
    ),
]
"""An IAM role or user."""
AwsTag = Annotated[str, AfterValidator(_not_reserved), Field(pattern=r"^[\w .:/=+@-]{1,128}$")]
"""A tag's key or value."""


class AwsCluster(Section):
    """Amazon EKS. The defaults are those of a small cluster that may go at any time."""

    cloud: Literal["aws"]
    region: Annotated[str, AfterValidator(_not_china)] = Field(
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", examples=["eu-west-1"]
    )
    """The region, as AWS spells it; not those of China, which are a cloud apart."""
    zones: tuple[str, ...] = Field(default=(), max_length=4, examples=[["eu-west-1a", "eu-west-1b"]])
    """Zones of the nodes, at least two; choose those that have your GPUs. Zones a, b and c when left out."""
    kubernetes: str = Field(default="1.36", pattern=r"^1\.\d{2}$")
    """The control plane's version; raise it one minor version at a time."""
    authorized_networks: tuple[PublicRange, ...] = ()
    """From where the control plane's public address answers; only inside the VPC when left out."""
    admins: tuple[AdminArn, ...] = ()
    """Who administers the cluster besides the role that creates it, which always does: do not repeat it."""
    network: AwsNetwork = AwsNetwork()
    """The VPC."""
    node_autoscaler: Literal["karpenter", "cluster-autoscaler"] = "karpenter"
    """What adds and removes GPU nodes: Karpenter, or managed node groups with cluster-autoscaler."""
    image_snapshot: str | None = Field(
        default=None, pattern=r"^snap-[0-9a-f]+$", examples=["snap-0123456789abcdef0"]
    )
    """A snapshot of a node's data volume with the engine's image on it; GPU nodes start from it."""
    control_plane_tier: Literal["standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl"] = "standard"
    """Capacity provisioned for the control plane; every tier above standard costs by the hour."""
    hpa_sync_seconds: int | None = Field(default=None, ge=10, le=15)
    """How often pods are autoscaled. EKS lets you choose above the standard tier; 15 when left out."""
    system_machine: str = Field(default="m7i.large", pattern=r"^[a-z][-a-z0-9]*\.[a-z0-9]+$")
    """The machine of the few nodes without GPUs that carry the cluster's own pods."""
    system_nodes: int = Field(default=2, ge=2, le=10)
    """How many of them; two at least, so that Karpenter is never alone."""
    log_retention_days: Literal[7, 14, 30, 90, 180, 365] = 30
    """How long the control plane's logs are kept."""
    tags: dict[AwsTag, AwsTag] = Field(default_factory=dict, examples=[{"team": "vision"}])
    """Tags for cost allocation, on everything that AWS bills, besides ``app`` and ``stack``."""
    protect: bool = False
    """Refuse to delete the cluster and its encryption key, in Pulumi and at AWS."""

    @model_validator(mode="after")
    def _zones_are_of_the_region(self) -> Self:
        for index, zone in enumerate(self.zones):
            if not re.fullmatch(rf"{self.region}[a-z]", zone):
                message = f"{zone!r} is no zone of {self.region}; write it as in {self.region}a"
                raise wrong(f"zones[{index}]", message)
            if zone in self.zones[:index]:
                raise wrong(f"zones[{index}]", f"{zone!r} is in the list already; name each zone once")
        if len(self.zones) == 1:
            raise wrong("zones", f"EKS wants two zones or more; add one to {self.zones[0]}")
        return self

    @model_validator(mode="after")
    def _admins_are_named_once(self) -> Self:
        for index, arn in enumerate(self.admins):
            if arn in self.admins[:index]:
                raise wrong(f"admins[{index}]", f"{arn} is in the list already; name each admin once")
        return self

    @model_validator(mode="after")
    def _only_a_provisioned_control_plane_has_a_sync_period(self) -> Self:
        if self.hpa_sync_seconds is not None and self.control_plane_tier == "standard":
            message = (
                "EKS takes this above the standard tier only; leave it out, or set controlPlaneTier: tier-xl"
            )
            raise wrong("hpaSyncSeconds", message)
        return self

    @property
    def node_zones(self) -> tuple[str, ...]:
        """The zones in effect."""
        return self.zones or tuple(f"{self.region}{letter}" for letter in "abc")

    @property
    def image_on_nodes(self) -> bool:
        """Whether new machines have the engine's image already."""
        return self.image_snapshot is not None

    @property
    def catalogue(self) -> CloudName:
        """The cloud whose machines this cluster's nodes are."""
        return self.cloud


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

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        ranges = [
            ("nodes", self.nodes),
            ("pods", self.pods),
            ("services", self.services),
            ("controlPlane", self.control_plane),
        ]
        for (key, one), (other_key, other) in combinations(ranges, 2):
            if IPv4Network(one).overlaps(IPv4Network(other)):
                raise wrong(other_key, f"{other} overlaps {key} {one}; choose ranges that are apart")
        if IPv4Network(self.control_plane).prefixlen != 28:
            raise wrong("controlPlane", f"{self.control_plane} is not a /28, which GKE asks for here")
        return self


class GcpCluster(Section):
    """Google Kubernetes Engine. The defaults are those of a small cluster that may go at any time."""

    cloud: Literal["gcp"]
    project: str = Field(pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$", examples=["acme-inference"])
    """The project's id."""
    region: str = Field(pattern=r"^[a-z]+-[a-z]+\d+$", examples=["europe-west4"])
    """The region, as Google Cloud spells it."""
    zones: tuple[str, ...] = Field(default=(), max_length=4, examples=[["europe-west4-a", "europe-west4-c"]])
    """Zones of the nodes; choose those that have your GPUs. Zone b of the region when left out."""
    regional: bool = False
    """A control plane in three zones, and not in the first of ``zones`` alone."""
    authorized_networks: tuple[PublicRange, ...] = ()
    """From where the control plane's public address answers; only the VPC reaches it when left out."""
    network: GcpNetwork = GcpNetwork()
    """The address ranges of the VPC."""
    release_channel: Literal["rapid", "regular", "stable"] = "regular"
    """How early GKE's own upgrades come."""
    image_disk: str | None = Field(
        default=None,
        pattern=r"^projects/[^/]+/global/images/(family/)?[^/]+$",
        examples=["projects/acme-inference/global/images/vllm-0-33-0"],
    )
    """A disk image with the engine's image on it; GPU nodes get it as a secondary boot disk."""
    system_machine: str = Field(default="e2-standard-4", pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$")
    """The machine of the few nodes without GPUs that carry the cluster's own pods."""
    protect: bool = False
    """Refuse to delete the cluster, its network and its encryption key, in Pulumi and at Google."""

    @model_validator(mode="after")
    def _zones_are_of_the_region(self) -> Self:
        for index, zone in enumerate(self.zones):
            if not re.fullmatch(rf"{self.region}-[a-z]", zone):
                raise wrong(
                    f"zones[{index}]", f"{zone!r} is no zone of {self.region}; write it as in {self.region}-b"
                )
            if zone in self.zones[:index]:
                raise wrong(f"zones[{index}]", f"{zone!r} is in the list already; name each zone once")
        return self

    @property
    def node_zones(self) -> tuple[str, ...]:
        """The zones in effect. Every region of Google Cloud has a zone b."""
        return self.zones or (f"{self.region}-b",)

    @property
    def image_on_nodes(self) -> bool:
        """Whether new machines have the engine's image already."""
        return self.image_disk is not None

    @property
    def catalogue(self) -> CloudName:
        """The cloud whose machines this cluster's nodes are."""
        return self.cloud


ClusterSpec = Annotated[LocalCluster | AwsCluster | GcpCluster, Field(discriminator="cloud")]
