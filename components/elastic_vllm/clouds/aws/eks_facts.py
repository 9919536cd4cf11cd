"""What the rest of the program needs to know of an EKS cluster, made by the stack or before it."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import eks

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.landing_zone import AwsExistingCluster


@dataclass(frozen=True, kw_only=True)
class EksFacts:
    """A cluster at AWS. Those of the stack's own carry the dependency on it."""

    name: pulumi.Input[str]
    arn: pulumi.Input[str]
    """As policies name it; of an existing cluster with any account, which its other facts do not tell."""
    version: pulumi.Input[str] | None
    """Kubernetes' version, where the stack decides it."""
    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    """In base64."""
    security_group: pulumi.Input[str]
    """By it nodes and the control plane reach each other."""


def of_own(cluster: eks.Cluster) -> EksFacts:
    """The facts of a cluster that the stack registers."""
    return EksFacts(
        name=cluster.name,
        arn=cluster.arn,
        version=cluster.version,
        endpoint=cluster.endpoint,
        certificate_authority=cluster.certificate_authority["data"],
        security_group=cluster.vpc_config.cluster_security_group_id,
    )


def of_existing(region: str, cluster: AwsExistingCluster) -> EksFacts:
    """The facts that the stack file declares; a plan asks AWS nothing."""
    return EksFacts(
        name=cluster.name,
        arn=f"arn:{naming.partition(region)}:eks:{region}:*:cluster/{cluster.name}",
        version=None,
        endpoint=cluster.endpoint,
        certificate_authority=cluster.certificate_authority,
        security_group=cluster.security_group,
    )
