"""A key of one's own over the cluster's Secrets. Without the key they are gone: ``protect`` it."""

import pulumi
from pulumi_aws import iam, kms

from elastic_vllm.spec import AwsCluster

DELETION_WINDOW_DAYS = 30
"""The longest that AWS offers: a key deleted by mistake can be had back until then."""


def secrets_key(
    name: str, spec: AwsCluster, cluster_role: iam.Role, opts: pulumi.ResourceOptions
) -> tuple[kms.Key, iam.RolePolicy]:
    """Register the key and the control plane's permission to use it, which is all that it may do with it."""
    key = kms.Key(
        f"{name}-secrets",
        description=f"Secrets of the {spec.region} cluster of this stack, encrypted by EKS",
        enable_key_rotation=True,
        deletion_window_in_days=DELETION_WINDOW_DAYS,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=spec.protect or None)),
    )
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
                        "Resource": [key.arn],
                    }
                ],
            }
        ),
        opts=opts,
    )
    return key, allowed
