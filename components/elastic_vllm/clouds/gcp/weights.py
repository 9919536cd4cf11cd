"""The bucket with the models' weights on Cloud Storage, and who may use it: pods by Workload Identity.

Kubernetes accounts are named in the bucket's own policy, with no Google account between, and no key. Google
takes credentials over TLS alone, and nobody without any. Not versioned: all of it can be fetched again.
"""

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
    """Register the bucket in the cluster's region, and what each account may do with it."""
    spec = base.spec
    child = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=base.provider))
    made = storage.Bucket(
        f"{name}-bucket",
        location=spec.region.upper(),
        storage_class="STANDARD",
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        force_destroy=not spec.protect,
        labels=dict(base.cost_labels),
        encryption={"default_kms_key_name": key} if (key := spec.encryption.bucket) else None,
        opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=spec.protect)),
    )
    identities = pulumi.Output.format(IDENTITIES, made.project_number, spec.project, accounts.namespace)
    roles = {**dict.fromkeys(accounts.readers, READ), accounts.writer: WRITE}
    grants = [
        storage.BucketIAMMember(
            f"{name}-{account}-{role.rpartition('.')[2].lower()}",
            bucket=made.name,
            role=role,
            member=pulumi.Output.concat(identities, account),
            opts=child,
        )
        for account, allowed in roles.items()
        for role in allowed
    ]
    return Bucket(
        address=pulumi.Output.concat("gs://", made.name),
        environment={"GOOGLE_CLOUD_PROJECT": spec.project},
        credentials=METADATA_SERVER,
        ready=grants,
        resolvers=resolvers("gcp"),
    )
