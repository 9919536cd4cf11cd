"""The bucket with the models' weights on S3, and who may use it: pods by Pod Identity, without keys.

Not versioned: what is in it can be fetched again, and a second copy of everything costs as much as the first.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import eks, iam, s3

from elastic_vllm.clouds.aws import identity, naming
from elastic_vllm.clouds.aws.cluster import EksContext
from elastic_vllm.clouds.base import Accounts, Bucket, Endpoint
from elastic_vllm.spec import AwsCluster

if TYPE_CHECKING:
    from pulumi_aws.s3 import BucketServerSideEncryptionConfigurationRuleArgsDict

AGENT = Endpoint(cidr="169.254.170.23/32", port=80)
"""Where the node's Pod Identity agent gives pods their credentials."""
ABANDONED_AFTER_DAYS = 1
"""Parts of an upload that was cut off are billed and not listed."""
READ = ("s3:GetObject",)
WRITE = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject")
KEY_USE = {READ: ["kms:Decrypt"], WRITE: ["kms:Decrypt", "kms:GenerateDataKey"]}
"""What the same takes of a customer key; an upload in parts is read back."""


def bucket(name: str, base: EksContext, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket:
    """Register the bucket, and one role for those who read and one for those who write.

    Of a bucket that exists only the readers' role: what is in it is its owner's.
    """
    spec = base.spec
    on_aws = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.aws))
    settings: Sequence[pulumi.Resource] = []
    called: pulumi.Input[str]
    if spec.bucket:
        called, arn = spec.bucket, f"arn:{naming.partition(spec.region)}:s3:::{spec.bucket}"
        roles = dict.fromkeys(accounts.readers, _allowed(f"{name}-reader", spec, arn, READ, on_aws))
    else:
        made, settings = _bucket(f"{name}-bucket", spec, on_aws)
        called = made.bucket
        roles = dict.fromkeys(accounts.readers, _allowed(f"{name}-reader", spec, made.arn, READ, on_aws))
        roles[accounts.writer] = _allowed(f"{name}-writer", spec, made.arn, WRITE, on_aws)
    bound = [
        eks.PodIdentityAssociation(
            f"{name}-{account}-identity",
            cluster_name=base.eks.name,
            namespace=accounts.namespace,
            service_account=account,
            role_arn=role.arn,
            opts=pulumi.ResourceOptions.merge(on_aws, pulumi.ResourceOptions(depends_on=[policy])),
        )
        for account, (role, policy) in roles.items()
    ]
    return Bucket(
        address=pulumi.Output.concat("s3://", called),
        # One SDK in the image reads the first, one the second.
        environment={"AWS_DEFAULT_REGION": spec.region, "AWS_REGION": spec.region},
        credentials=[AGENT],
        ready=[*settings, *bound],
        filled=spec.bucket is not None,
    )


def use(arn: pulumi.Input[str], objects: tuple[str, ...], key: str | None = None) -> Mapping[str, object]:
    """The policy by which a role may list one bucket and do this with what is in it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [arn]},
            {"Effect": "Allow", "Action": [*objects], "Resource": [pulumi.Output.concat(arn, "/*")]},
            *([{"Effect": "Allow", "Action": KEY_USE[objects], "Resource": [key]}] if key else []),
        ],
    }


def tls_only(arn: pulumi.Input[str]) -> Mapping[str, object]:
    """The bucket's own policy: requests without TLS are refused, whatever else is allowed."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:*"],
                "Resource": [arn, pulumi.Output.concat(arn, "/*")],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _bucket(
    name: str, spec: AwsCluster, opts: pulumi.ResourceOptions
) -> tuple[s3.Bucket, Sequence[pulumi.Resource]]:
    """The bucket, closed to everybody outside, and what closes it."""
    kept = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=spec.protect or None))
    made = s3.Bucket(
        name,
        bucket_prefix=naming.bucket_prefix(pulumi.get_stack()),
        force_destroy=not spec.protect,
        opts=kept,
    )
    closed = s3.BucketPublicAccessBlock(
        f"{name}-private",
        bucket=made.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    owned = s3.BucketOwnershipControls(
        f"{name}-ownership", bucket=made.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=opts
    )
    encrypted = s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=made.id,
        rules=[_by(spec.encryption.bucket)],
        opts=opts,
    )
    tidied = s3.BucketLifecycleConfiguration(
        f"{name}-lifecycle",
        bucket=made.id,
        rules=[
            {
                "id": "abandoned-uploads",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "abort_incomplete_multipart_upload": {"days_after_initiation": ABANDONED_AFTER_DAYS},
            }
        ],
        opts=opts,
    )
    policy = s3.BucketPolicy(
        f"{name}-tls-only",
        bucket=made.id,
        policy=pulumi.Output.json_dumps(tls_only(made.arn)),
        # S3 takes one change of a bucket's access at a time.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[closed])),
    )
    return made, [closed, owned, encrypted, tidied, policy]


def _by(key: str | None) -> "BucketServerSideEncryptionConfigurationRuleArgsDict":
    """S3's own key, or a customer's, asked for once for many objects."""
    if key is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {"kms_master_key_id": key, "sse_algorithm": "aws:kms"},
        "bucket_key_enabled": True,
    }


def _allowed(
    name: str,
    spec: AwsCluster,
    arn: pulumi.Input[str],
    objects: tuple[str, ...],
    opts: pulumi.ResourceOptions,
) -> tuple[iam.Role, iam.RolePolicy]:
    role = identity.role(f"{name}-role", spec, identity.POD, [], opts).role
    policy = iam.RolePolicy(
        f"{name}-policy",
        role=role.name,
        policy=pulumi.Output.json_dumps(use(arn, objects, spec.encryption.bucket)),
        opts=opts,
    )
    return role, policy
