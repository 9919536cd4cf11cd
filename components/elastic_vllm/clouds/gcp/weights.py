"""The bucket with the models' weights on Cloud Storage, and who may use it: pods by Workload Identity.

Kubernetes accounts are named in the bucket's own policy, with no Google account between, and no key. Google
accepts credentials over TLS only, and no anonymous request. Not versioned: all of it can be fetched again.
"""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import storage

from elastic_vllm.clouds.base import Accounts, Bucket, Endpoint
from elastic_vllm.clouds.gcp.cluster import GkeContext
from elastic_vllm.clouds.meanings import resolvers

METADATA_SERVER = (
    Endpoint(cidr="169.254.169.254/32", port=80),
    Endpoint(cidr="169.254.169.252/32", port=988),
)
"""Where GKE's own metadata server gives pods their tokens, before and behind the node's translation."""
READ = ("roles/storage.legacyBucketReader", "roles/storage.objectViewer")
"""The first for the bucket itself, which the streaming loader asks for before it lists."""
WRITE = ("roles/storage.objectUser",)
IDENTITIES = (
    "principal://iam.googleapis.com/projects/{0}/locations/global/workloadIdentityPools/{1}.svc.id.goog"
    "/subject/ns/{2}/sa/"
)
"""What the pods of one Kubernetes account are called in Google's IAM, but for the account."""


def bucket(name: str, base: GkeContext, accounts: Accounts, opts: pulumi.ResourceOptions) -> Bucket:
    """Register the bucket, or take the one that exists, and what each account may do with it."""
    spec = base.spec
    child = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.provider))
    roles: dict[str, Sequence[str]] = dict.fromkeys(accounts.readers, READ)
    if spec.bucket:
        held, number = pulumi.Output.from_input(spec.bucket), pulumi.Output.from_input(spec.project_number)
    else:
        made = _bucket(name, base, child)
        held, number = made.name, made.project_number
        roles |= {accounts.writer: WRITE}
    identities = pulumi.Output.format(IDENTITIES, number, spec.project, accounts.namespace)
    grants = [
        storage.BucketIAMMember(
            f"{name}-{account}-{role.rpartition('.')[2].lower()}",
            bucket=held,
            role=role,
            member=pulumi.Output.concat(identities, account),
            opts=child,
        )
        for account, allowed in roles.items()
        for role in allowed
    ]
    return Bucket(
        address=pulumi.Output.concat("gs://", held),
        environment={"GOOGLE_CLOUD_PROJECT": spec.project},
        credentials=METADATA_SERVER,
        ready=grants,
        resolvers=resolvers("gcp"),
        filled=spec.bucket is not None,
    )


def _bucket(name: str, base: GkeContext, opts: pulumi.ResourceOptions) -> storage.Bucket:
    """A bucket in the cluster's region."""
    spec = base.spec
    return storage.Bucket(
        f"{name}-bucket",
        location=spec.region.upper(),
        storage_class="STANDARD",
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        force_destroy=not spec.protect,
        labels=dict(base.cost_labels),
        encryption={"default_kms_key_name": key} if (key := spec.encryption.bucket) else None,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=spec.protect)),
    )
