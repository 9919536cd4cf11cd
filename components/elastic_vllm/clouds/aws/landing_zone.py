"""Keys of ``cluster`` for a network or a cluster that exists: ids as data; a plan asks AWS nothing."""

from typing import Annotated

from pydantic import Field

from elastic_vllm.section import Section

SubnetId = Annotated[str, Field(pattern=r"^subnet-[0-9a-z]+$")]


class AwsExistingNetwork(Section):
    """A VPC that exists: the stack makes no VPC, subnet, route, NAT gateway or endpoint in it."""

    vpc: str = Field(pattern=r"^vpc-[0-9a-z]+$", examples=["vpc-0123456789abcdef0"])
    """The VPC, which the stack exports."""
    subnets: dict[str, SubnetId] = Field(
        min_length=1,
        examples=[{"eu-central-1a": "subnet-0123456789abcdef0", "eu-central-1b": "subnet-0fedcba9876543210"}],
    )
    """A private subnet for each zone, of any range; nodes and pods take addresses from it."""


class AwsExistingCluster(Section):
    """An EKS cluster that exists. The stack adds GPU nodes, weights and models to it, and changes nothing."""

    name: str = Field(pattern=r"^[0-9A-Za-z][-0-9A-Za-z_]{0,99}$", examples=["platform"])
    """The cluster's name."""
    endpoint: str = Field(
        pattern=r"^https://[-.0-9A-Za-z]+$",
        examples=["https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com"],
    )
    """The address of its API server."""
    certificate_authority: str = Field(pattern=r"^[0-9A-Za-z+/]+=*$", examples=["LS0tLS1CRUdJTg=="])
    """The certificate of its authority, in base64, as AWS shows it."""
    security_group: str = Field(pattern=r"^sg-[0-9a-z]+$", examples=["sg-0123456789abcdef0"])
    """The cluster security group, which the GPU nodes get."""
    node_instance_profile: str | None = Field(
        default=None, pattern=r"^[\w+=,.@-]{1,128}$", examples=["KarpenterNodeInstanceProfile-platform"]
    )
    """The instance profile of nodes, where the cluster runs Karpenter already; else the stack installs it."""


KeyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[-a-z]*:kms:[-a-z0-9]+:\d{12}:key/[-0-9a-z]+$",
        examples=["arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"],
    ),
]


class AwsEncryption(Section):
    """Keys of yours in KMS, by their ARNs. Their policies are yours too: docs/aws.md has what they allow."""

    secrets: KeyArn | None = None
    """Of the cluster's Secrets; the stack makes a key when left out."""
    disks: KeyArn | None = None
    """Of every node's disks; the account's default key for EBS when left out."""
    bucket: KeyArn | None = None
    """Of the weights; S3's own key when left out."""


class AwsProxy(Section):
    """The way out of nodes and of the node autoscaler. Private addresses are always reached without it."""

    https: str = Field(
        pattern=r"^https?://[-.0-9A-Za-z]+(:\d+)?$", examples=["http://proxy.example.com:3128"]
    )
    """The proxy for HTTPS, without credentials."""
    no_proxy: tuple[Annotated[str, Field(pattern=r"^[-.*/:0-9A-Za-z]+$")], ...] = Field(
        default=(), examples=[[".eu-central-1.amazonaws.com"]]
    )
    """Hosts, domains and ranges that are reached without it, as those with a VPC endpoint."""


NO_EFFECT = (
    "admins",
    "authorized_networks",
    "control_plane_logs",
    "control_plane_tier",
    "hpa_sync_seconds",
    "kubernetes",
    "log_retention_days",
    "system_machine",
    "system_nodes",
)
"""Keys of the cluster section that decide a cluster of the stack's own."""
