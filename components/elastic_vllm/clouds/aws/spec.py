"""The ``cluster`` section of a stack on Amazon EKS."""

import re
from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from elastic_vllm.catalog import default_zones
from elastic_vllm.clouds.address_ranges import PrivateRange, PublicRange
from elastic_vllm.section import Section, config_error


class AwsNetwork(Section):
    """A VPC of its own, cut into one public and one private subnet for each zone."""

    vpc: PrivateRange = "10.64.0.0/16"
    """The VPC's addresses; it cannot be changed later. Pods take addresses from it too: a /16 to a /20."""
    nat: Literal["one", "per-zone"] = "one"
    """How private nodes reach the internet: by one gateway, or by one in each zone."""

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

    The first two are the control plane's for good: add a zone at the end.
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
        for index, zone in enumerate(self.zones):
            if not re.fullmatch(rf"{self.region}[a-z]", zone):
                message = f"{zone!r} is no zone of {self.region}; write it as in {self.region}a"
                raise config_error(f"zones[{index}]", message)
            if zone in self.zones[:index]:
                raise config_error(f"zones[{index}]", f"{zone!r} is in the list already; name each zone once")
        if len(self.zones) == 1:
            raise config_error("zones", f"EKS wants two zones or more; add one to {self.zones[0]}")
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
        """The zones in effect."""
        return self.zones or tuple(
            f"{self.region}{end}" for end in default_zones("aws", self.region) or "abc"
        )

    @property
    def first_zones(self) -> tuple[str, ...]:
        """Those of the control plane and the system nodes: neither can ever be moved to another zone."""
        return self.node_zones[:2]
