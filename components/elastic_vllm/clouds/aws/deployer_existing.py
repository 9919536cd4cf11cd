"""The deployer's policies in a landing zone: those of ``deployer.py`` without what exists already. Pure."""

from collections.abc import Mapping, Sequence

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.policy_document import Statement, allow
from elastic_vllm.clouds.aws.spec import AwsSettings

NETWORK = ("CreateInOwnedNetwork", "NameEndpoints")
"""Statements for parts of a VPC of the stack's own."""
CLUSTER = (
    "CreateKeys",
    "CreateServiceLinkedRoles",
    "DescribeAddonVersions",
    "DescribeAutoScalingGroups",
    "DescribeLogGroups",
    "ManageCluster",
    "ManageLogGroups",
    "ManageOwnedKeys",
    "TagAutoScalingGroups",
)
"""Statements for a cluster of the stack's own, its node groups, logs and keys."""
KARPENTER = ("ManageEventRules", "ManageInstanceProfiles", "ManageQueue")
"""Statements for a Karpenter that the stack installs."""
JOINED = ("AccessEntry", "PodIdentityAssociation")


def needed(
    documents: Mapping[str, Sequence[Statement]], cluster: AwsSettings, account: str
) -> Mapping[str, Sequence[Statement]]:
    """The statements that a stack still needs beside what exists, by document."""
    there, key = cluster.existing, cluster.encryption.secrets
    dropped = {
        *(NETWORK if cluster.network.existing else ()),
        *(CLUSTER if there else ()),
        *(KARPENTER if there and there.node_instance_profile else ()),
        *(("CreateKeys", "ManageOwnedKeys") if key else ()),
    }
    more: Sequence[Statement] = [_join(cluster.region, account, there.name)] if there else []
    if key:
        more = [allow("GrantSecretsKey", ["kms:CreateGrant", "kms:DescribeKey"], [key])]
    gone = {"network"} if there else set()
    gone |= {"weights"} if cluster.bucket else set()
    return {
        name: [
            *(one for one in statements if one["Sid"] not in dropped),
            *(more if name == "cluster" else ()),
        ]
        for name, statements in documents.items()
        if name not in gone
    }


def _join(region: str, account: str, cluster: str) -> Statement:
    """What is added to an existing cluster: its nodes' entry, and identities of single accounts."""
    at = f"arn:{naming.partition(region)}:eks:{region}:{account}"
    kinds = ("access-entry", "podidentityassociation")
    actions = [f"{verb}{kind}" for verb in ("Create", "Delete", "Describe", "Update") for kind in JOINED]
    return allow(
        "JoinCluster",
        [f"eks:{action}" for action in sorted([*actions, "DescribeCluster", "TagResource", "UntagResource"])],
        [f"{at}:cluster/{cluster}", *(f"{at}:{kind}/{cluster}/*" for kind in kinds)],
    )
