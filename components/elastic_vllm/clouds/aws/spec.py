"""The ``cluster`` section of a stack on Amazon EKS."""

import re
from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from elastic_vllm.catalog import default_zones
from elastic_vllm.clouds.address_ranges import PrivateRange, PublicRange
from elastic_vllm.clouds.aws.landing_zone import (
    NO_EFFECT,
    AwsEncryption,
    AwsExistingCluster,
    AwsExistingNetwork,
    AwsProxy,
)
from elastic_vllm.clouds.mirrors import Mirrors
from elastic_vllm.section import Section, config_error


class AwsNetwork(Section):
    """A VPC of its own, cut into one public and one private subnet for each zone; or one that exists."""

    vpc: PrivateRange = "10.64.0.0/16"
    """The VPC's addresses; it cannot be changed later. Pods take addresses from it too: a /16 to a /20."""
    nat: Literal["one", "per-zone"] = "one"
    """How private nodes reach the internet: by one gateway, or by one in each zone."""
    existing: AwsExistingNetwork | None = None
    """A VPC that exists, in the place of one of the stack's own."""

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        for key in {"vpc", "nat"} & self.model_fields_set if self.existing else ():
            message = "is for a VPC of the stack's own; leave it out beside network.existing"
            raise config_error(key, message)
        return self

    @model_validator(mode="after")
    def _the_range_has_room(self) -> Self:
        if not 16 <= IPv4Network(self.vpc).prefixlen <= 20:
            raise config_error(
                "vpc", f"{self.vpc} cannot be a VPC of ours; take a /16 to a /20, as in 10.64.0.0/16"
            )
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


LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]


class AwsSettings(Section):
    """Amazon EKS. The defaults are those of a small cluster that may go at any time."""

    cloud: Literal["aws"]
    region: Annotated[str, AfterValidator(_not_china)] = Field(
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", examples=["eu-central-1"]
    )
    """The region, as AWS spells it; not those of China, which are a cloud apart."""
    zones: tuple[str, ...] = Field(default=(), max_length=4, examples=[["eu-central-1a", "eu-central-1b"]])
    """Zones of the nodes, at least two; choose those that have your GPUs. The first three when left out.

    The first two are the control plane's for good: add a zone at the end. In an existing network they are
    those of its subnets, in alphabetical order when left out.
    """
    kubernetes: str = Field(default="1.36", pattern=r"^1\.\d{2}$")
    """The control plane's version; raise it one minor version at a time."""
    authorized_networks: tuple[PublicRange, ...] = ()
    """From where the control plane's public address answers; only inside the VPC when left out."""
    admins: tuple[AdminArn, ...] = ()
    """Who administers the cluster besides the role that creates it, which always does: do not repeat it."""
    permissions_boundary: Annotated[
        str | None, Field(pattern=r"^arn:aws[-a-z]*:iam::(\d{12}|aws):policy/.+$")
    ] = Field(default=None, examples=["arn:aws:iam::111122223333:policy/elastic-vllm-boundary"])
    """A managed policy that bounds the stack's roles; without it the deployer can widen its own rights."""
    network: AwsNetwork = AwsNetwork()
    """The VPC."""
    existing: AwsExistingCluster | None = None
    """A cluster that exists, in the place of one of the stack's own; it takes ``network.existing`` too."""
    encryption: AwsEncryption = AwsEncryption()
    """Keys of yours, in the place of the stack's and of AWS's own."""
    bucket: str | None = Field(
        default=None, pattern=r"^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$", examples=["acme-models"]
    )
    """A bucket of yours in this region, with each model's files under ``<checkpoint>/<revision>/``.

    The stack then makes no bucket, and nothing is fetched from the hub.
    """
    mirrors: Mirrors = Mirrors()
    """Where charts and their images come from, if not from the internet."""
    proxy: AwsProxy | None = None
    """The proxy of nodes and of Karpenter; it takes ``bucket``, as nothing else goes through it."""
    ca_bundle: str | None = Field(
        default=None,
        pattern=r"^-----BEGIN CERTIFICATE-----\n[\s\S]+-----END CERTIFICATE-----\n?$",
        max_length=8000,
        examples=["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
    )
    """Certificates that nodes trust besides, as PEM: those of a registry or a proxy of yours."""
    node_autoscaler: Literal["karpenter", "cluster-autoscaler"] = "karpenter"
    """What adds and removes GPU nodes: Karpenter, or managed node groups with cluster-autoscaler."""
    image_cache: str | None = Field(
        default=None,
        pattern=r"^\d{12}\.dkr\.ecr\.[-a-z0-9]+\.amazonaws\.com/[a-z0-9][-._/a-z0-9]*[a-z0-9]$",
        examples=["111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub"],
    )
    """An ECR pull-through cache of Docker Hub: registry and prefix. Nodes pull its images from there."""
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
    control_plane_logs: tuple[LogType, ...] = (
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    )
    """Which of its logs the control plane sends to CloudWatch; billed by the GB, ``audit`` above all."""
    log_retention_days: Literal[7, 14, 30, 90, 180, 365] = 30
    """How long the control plane's logs are kept."""
    tags: dict[AwsTag, AwsTag] = Field(default_factory=dict, examples=[{"team": "vision"}])
    """Tags for cost allocation, on everything that AWS bills, besides ``app`` and ``stack``."""
    protect: bool = False
    """Refuse to delete the cluster and its encryption key, in Pulumi and at AWS."""

    @model_validator(mode="after")
    def _zones_are_of_the_region(self) -> Self:
        there = self.network.existing
        for zone in there.subnets if there else ():
            self._is_of_the_region("network.existing.subnets", zone)
        for index, zone in enumerate(self.zones):
            self._is_of_the_region(f"zones[{index}]", zone)
            if zone in self.zones[:index]:
                raise config_error(f"zones[{index}]", f"{zone!r} is in the list already; name each zone once")
            if there and zone not in there.subnets:
                message = f"{zone} has no subnet in network.existing.subnets; add one, or leave the zone out"
                raise config_error(f"zones[{index}]", message)
        if len(self.node_zones) == 1 and self.existing is None:
            key = "network.existing.subnets" if there else "zones"
            raise config_error(key, f"EKS wants two zones or more; add one to {self.node_zones[0]}")
        return self

    def _is_of_the_region(self, key: str, zone: str) -> None:
        if not re.fullmatch(rf"{self.region}[a-z]", zone):
            message = f"{zone!r} is no zone of {self.region}; write it as in {self.region}a"
            raise config_error(key, message)

    @model_validator(mode="after")
    def _an_existing_cluster_is_left_as_it_is(self) -> Self:
        if self.existing is None:
            return self
        if self.network.existing is None:
            message = "is missing: name the VPC and the subnets of the existing cluster's nodes"
            raise config_error("network.existing", message)
        for key in NO_EFFECT:
            if key in self.model_fields_set:
                message = "decides a cluster of the stack's own; leave it out beside cluster.existing"
                raise config_error(to_camel(key), message)
        if self.encryption.secrets:
            message = "the existing cluster has its own encryption; leave it out"
            raise config_error("encryption.secrets", message)
        if self.node_autoscaler != "karpenter":
            message = "an existing cluster gets Karpenter; leave it out, or let the stack make the cluster"
            raise config_error("nodeAutoscaler", message)
        return self

    @model_validator(mode="after")
    def _nothing_is_fetched_through_a_proxy(self) -> Self:
        if self.proxy is None:
            return self
        if self.bucket is None:
            message = "the Job that fetches weights goes through no proxy; name a bucket that has them"
            raise config_error("bucket", message)
        if self.node_autoscaler != "karpenter":
            message = "cluster-autoscaler goes through no proxy here; leave it out, or leave out proxy"
            raise config_error("nodeAutoscaler", message)
        return self

    @model_validator(mode="after")
    def _admins_are_named_once(self) -> Self:
        for index, arn in enumerate(self.admins):
            if arn in self.admins[:index]:
                raise config_error(f"admins[{index}]", f"{arn} is in the list already; name each admin once")
        return self

    @model_validator(mode="after")
    def _only_a_provisioned_control_plane_has_a_sync_period(self) -> Self:
        if self.hpa_sync_seconds is not None and self.control_plane_tier == "standard":
            message = (
                "EKS takes this above the standard tier only; leave it out, or set controlPlaneTier: tier-xl"
            )
            raise config_error("hpaSyncSeconds", message)
        return self

    @property
    def node_zones(self) -> tuple[str, ...]:
        """The zones in effect; those of existing subnets by name, as Pulumi keeps no order of keys."""
        if self.zones or self.network.existing is None:
            letters = default_zones("aws", self.region) or "abc"
            return self.zones or tuple(f"{self.region}{end}" for end in letters)
        return tuple(sorted(self.network.existing.subnets))

    @property
    def first_zones(self) -> tuple[str, ...]:
        """Those of the control plane and the system nodes: neither can ever be moved to another zone."""
        return self.node_zones[:2]
