"""What the AWS provider would ask of S3, as ``aws_api`` checks it: service, operation, parameters."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Given = dict[str, Any]  # a resource's inputs, as deep as AWS likes
Asked = Iterator[tuple[str, str, Mapping[str, object]]]


def _bucket(name: str, given: Given) -> Asked:
    del name
    assert isinstance(given.pop("forceDestroy"), bool)  # for the provider alone
    yield "s3", "CreateBucket", {"Bucket": given.pop("bucketPrefix") + "2" * 26}


def _closed(name: str, given: Given) -> Asked:
    del name
    keys = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    settings = {key[0].upper() + key[1:]: given.pop(key) for key in keys}
    yield "s3", "PutPublicAccessBlock", {**_of(given), "PublicAccessBlockConfiguration": settings}


def _owned(name: str, given: Given) -> Asked:
    del name
    rule = given.pop("rule")
    rules = [{"ObjectOwnership": rule.pop("objectOwnership"), **rule}]
    yield "s3", "PutBucketOwnershipControls", {**_of(given), "OwnershipControls": {"Rules": rules}}


def _encrypted(name: str, given: Given) -> Asked:
    del name
    rules = []
    for rule in given.pop("rules"):
        default = rule.pop("applyServerSideEncryptionByDefault")
        default["SSEAlgorithm"] = default.pop("sseAlgorithm")
        if key := default.pop("kmsMasterKeyId", None):
            default["KMSMasterKeyID"], rule["BucketKeyEnabled"] = key, rule.pop("bucketKeyEnabled")
        rules.append({"ApplyServerSideEncryptionByDefault": default, **rule})
    yield "s3", "PutBucketEncryption", {**_of(given), "ServerSideEncryptionConfiguration": {"Rules": rules}}


def _tidied(name: str, given: Given) -> Asked:
    del name
    rules = []
    for rule in given.pop("rules"):
        which, after = rule.pop("filter"), rule.pop("abortIncompleteMultipartUpload")
        rules.append(
            {
                "ID": rule.pop("id"),
                "Status": rule.pop("status"),
                "Filter": {"Prefix": which.pop("prefix"), **which},
                "AbortIncompleteMultipartUpload": {
                    "DaysAfterInitiation": after.pop("daysAfterInitiation"),
                    **after,
                },
                **rule,
            }
        )
    yield "s3", "PutBucketLifecycleConfiguration", {**_of(given), "LifecycleConfiguration": {"Rules": rules}}


def _policy(name: str, given: Given) -> Asked:
    del name
    yield "s3", "PutBucketPolicy", {**_of(given), "Policy": given.pop("policy")}


def _of(given: Given) -> Given:
    return {"Bucket": given.pop("bucket")}


MAPPINGS: Mapping[str, Callable[[str, Given], Asked]] = {
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _tidied,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _owned,
    "aws:s3/bucketPolicy:BucketPolicy": _policy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _closed,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _encrypted,
}
