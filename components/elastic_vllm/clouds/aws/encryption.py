"""Keys over the cluster's Secrets, disks and weights: the stack's own, or those that the stack file names.

Without the key of the Secrets they are gone: ``protect`` it.
"""

from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import iam, kms

from elastic_vllm.spec import AwsCluster

if TYPE_CHECKING:
    from pulumi_aws.ec2 import LaunchTemplateBlockDeviceMappingEbsArgsDict

DELETION_WINDOW_DAYS = 30
"""The longest that AWS offers: a key deleted by mistake can be had back until then."""


def secrets_key(
    name: str, spec: AwsCluster, cluster_role: iam.Role, opts: pulumi.ResourceOptions
) -> tuple[pulumi.Input[str], iam.RolePolicy]:
    """Register the key, unless there is one, and the control plane's permission to use it and no more."""
    key = spec.encryption.secrets or _key(name, spec, opts)
    allowed = iam.RolePolicy(
        f"{name}-secrets-use",
        role=cluster_role.name,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"],
                        "Resource": [key],
                    }
                ],
            }
        ),
        opts=opts,
    )
    return key, allowed


def of_disk(spec: AwsCluster) -> "LaunchTemplateBlockDeviceMappingEbsArgsDict":
    """What a launch template says of an encrypted disk."""
    said: LaunchTemplateBlockDeviceMappingEbsArgsDict = {"encrypted": "true"}
    if spec.encryption.disks:
        said["kms_key_id"] = spec.encryption.disks
    return said


def _key(name: str, spec: AwsCluster, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    return kms.Key(
        f"{name}-secrets",
        description=f"Secrets of the {spec.region} cluster of this stack, encrypted by EKS",
        enable_key_rotation=True,
        deletion_window_in_days=DELETION_WINDOW_DAYS,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=spec.protect or None)),
    ).arn
