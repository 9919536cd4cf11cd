"""IAM roles, by the few who may take them: EKS itself, the nodes' machines, and single Kubernetes accounts.

Pods get AWS credentials by Pod Identity only: no static keys, and none from the node's metadata service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks, iam

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.spec import AwsSettings

NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
)
"""Joining the cluster, pulling images, a shell by Session Manager. The CNI has a role of its own."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role, and what must be there before it can do its work."""

    role: iam.Role
    ready: Sequence[pulumi.Resource]
    """The attached policies: what uses the role depends on them, so that it can work until it is gone."""


def trust(service: str, *actions: str) -> Mapping[str, object]:
    """The policy by which one AWS service may take a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": [*(actions or ("sts:AssumeRole",))],
            }
        ],
    }


CLUSTER = trust("eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")
NODE = trust("ec2.amazonaws.com")
POD = trust("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")


def role(
    name: str,
    spec: AwsSettings,
    trusted: Mapping[str, object],
    policies: Sequence[str],
    opts: pulumi.ResourceOptions,
) -> Role:
    """Register a role with policies that AWS maintains, by their names; the stack's boundary is on it."""
    registered = iam.Role(
        name,
        name=naming.owned(pulumi.get_stack(), name),
        assume_role_policy=pulumi.Output.json_dumps(trusted),
        permissions_boundary=spec.permissions_boundary,
        opts=opts,
    )
    attached = [
        iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}",
            role=registered.name,
            policy_arn=naming.managed_policy(spec.region, policy),
            opts=opts,
        )
        for policy in policies
    ]
    return Role(role=registered, ready=attached)


def node_role(name: str, cluster: AwsSettings, opts: pulumi.ResourceOptions) -> Role:
    """Register the role of nodes; with an image cache, also the right to fill it on the first pull."""
    made = role(name, cluster, NODE, NODE_POLICIES, opts)
    if cluster.image_cache is None:
        return made
    filling = iam.RolePolicy(
        f"{name}-image-cache",
        role=made.role.name,
        policy=pulumi.Output.json_dumps(fill(cluster.region, cluster.image_cache)),
        opts=opts,
    )
    return Role(role=made.role, ready=[*made.ready, filling])


def fill(region: str, cache: str) -> Mapping[str, object]:
    """The policy by which nodes have ECR fetch an image that the cache does not hold yet."""
    registry, _, prefix = cache.partition("/")
    account, where = registry.split(".")[0], registry.split(".")[3]
    repositories = f"arn:{naming.partition(region)}:ecr:{where}:{account}:repository/{prefix}/*"
    actions = ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": [repositories]}],
    }


@dataclass(frozen=True, kw_only=True)
class Account:
    """A Kubernetes service account of one cluster."""

    cluster: pulumi.Input[str]
    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class PodIdentity:
    """A role that the pods of one account may take."""

    role: iam.Role
    bound: eks.PodIdentityAssociation
    """Credentials are put into a pod as it is admitted: one that comes before this never gets any."""


def pod_identity(name: str, spec: AwsSettings, account: Account, opts: pulumi.ResourceOptions) -> PodIdentity:
    """Register a role for an account, still without rights."""
    taken = role(f"{name}-role", spec, POD, [], opts).role
    bound = eks.PodIdentityAssociation(
        f"{name}-identity",
        cluster_name=account.cluster,
        namespace=account.namespace,
        service_account=account.name,
        role_arn=taken.arn,
        opts=opts,
    )
    return PodIdentity(role=taken, bound=bound)
