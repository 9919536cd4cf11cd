"""What the node autoscaler may do, and nothing that touches machines of anybody else. Pure.

Karpenter may launch, tag and end machines that bear this cluster's tags and a pool's, pass them the nodes'
role, and read prices, images and its own queue. It makes no roles and no instance profiles: the program does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.policy_document import allow

LAUNCHED = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
"""What a launch makes; each must be born with the tags."""
DESCRIBED = (
    "CapacityReservations",
    "Images",
    "InstanceStatus",
    "InstanceTypeOfferings",
    "InstanceTypes",
    "Instances",
    "LaunchTemplates",
    "PlacementGroups",
    "SecurityGroups",
    "SpotPriceHistory",
    "Subnets",
)
POOL_TAG = "karpenter.sh/nodepool"
CLUSTER_TAG = "eks:eks-cluster-name"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What bounds the permissions."""

    region: str
    cluster: str
    """The cluster's name."""
    cluster_arn: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    profile_arn: pulumi.Input[str]
    queue_arn: pulumi.Input[str]
    disk_key: str | None = None
    """The customer key of the nodes' disks; EC2 needs no right for AWS's own key."""


def controller(scope: Scope) -> Mapping[str, object]:
    """The policy of Karpenter's role."""
    return {
        "Version": "2012-10-17",
        "Statement": [*_launching(scope), *_owning(scope), *_reading(scope), *_encrypting(scope)],
    }


def cluster_autoscaler(region: str, cluster: str) -> Mapping[str, object]:
    """The policy of cluster-autoscaler's role: see all groups, resize this cluster's, end their machines."""
    at = f"arn:{naming.partition(region)}"
    here = {"StringEquals": {"aws:RequestedRegion": region}}
    ours = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}
    groups = ("AutoScalingGroups", "AutoScalingInstances", "LaunchConfigurations", "ScalingActivities")
    machines = ("Images", "InstanceTypes", "LaunchTemplateVersions")
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow(
                "DescribeRegionalResources",
                [
                    *(f"autoscaling:Describe{what}" for what in groups),
                    *(f"ec2:Describe{what}" for what in machines),
                    "ec2:GetInstanceTypesFromInstanceRequirements",
                ],
                ["*"],
                here,
            ),
            allow(
                "DescribeNodegroups",
                ["eks:DescribeNodegroup"],
                [f"{at}:eks:{region}:*:nodegroup/{cluster}/*"],
            ),
            allow(
                "ScaleOwnedGroups",
                ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
                [f"{at}:autoscaling:{region}:*:autoScalingGroup:*:autoScalingGroupName/eks-*"],
                ours,
            ),
        ],
    }


def _launching(scope: Scope) -> Sequence[Mapping[str, object]]:
    born_ours = {
        "StringEquals": {
            f"aws:RequestTag/{_owned(scope)}": "owned",
            f"aws:RequestTag/{CLUSTER_TAG}": scope.cluster,
        },
        "StringLike": {f"aws:RequestTag/{POOL_TAG}": "*"},
    }
    launch = ["ec2:CreateFleet", "ec2:RunInstances"]
    used = ["capacity-reservation", "placement-group", "security-group", "subnet"]
    return [
        allow(
            "LaunchFromExistingResources",
            launch,
            [*_arns(scope, *used), *_arns(scope, "image", "snapshot", account="")],
        ),
        allow("LaunchFromOwnedTemplates", launch, _arns(scope, "launch-template"), _ours(scope)),
        allow("LaunchTagged", [*launch, "ec2:CreateLaunchTemplate"], _arns(scope, *LAUNCHED), born_ours),
        allow(
            "TagOnCreate",
            ["ec2:CreateTags"],
            _arns(scope, *LAUNCHED),
            {
                **born_ours,
                "StringEquals": {
                    **born_ours["StringEquals"],
                    "ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"],
                },
            },
        ),
    ]


def _owning(scope: Scope) -> Sequence[Mapping[str, object]]:
    ours = _ours(scope)
    return [
        allow(
            "TagOwnedInstances",
            ["ec2:CreateTags"],
            _arns(scope, "instance"),
            {
                **ours,
                "StringEqualsIfExists": {f"aws:RequestTag/{CLUSTER_TAG}": scope.cluster},
                "ForAllValues:StringEquals": {"aws:TagKeys": [CLUSTER_TAG, "karpenter.sh/nodeclaim", "Name"]},
            },
        ),
        allow(
            "TerminateOwnedInstances",
            ["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"],
            _arns(scope, "instance", "launch-template"),
            ours,
        ),
        allow(
            "PassNodeRole",
            ["iam:PassRole"],
            [scope.node_role_arn],
            {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}},
        ),
    ]


def _reading(scope: Scope) -> Sequence[Mapping[str, object]]:
    parameters = f"arn:{naming.partition(scope.region)}:ssm:{scope.region}::parameter/aws/service/*"
    here = {"StringEquals": {"aws:RequestedRegion": scope.region}}
    return [
        allow("DescribeRegionalResources", [f"ec2:Describe{what}" for what in DESCRIBED], ["*"], here),
        allow("ReadImageParameters", ["ssm:GetParameter"], [parameters]),
        allow("ReadPrices", ["pricing:GetProducts"], ["*"]),
        allow("DescribeCluster", ["eks:DescribeCluster"], [scope.cluster_arn]),
        allow("GetNodeInstanceProfile", ["iam:GetInstanceProfile"], [scope.profile_arn]),
        allow("ListInstanceProfiles", ["iam:ListInstanceProfiles"], ["*"]),
        allow(
            "ReadInterruptionQueue",
            ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
            [scope.queue_arn],
        ),
    ]


def _encrypting(scope: Scope) -> Sequence[Mapping[str, object]]:
    """What EC2 demands of who launches a machine with disks under a customer key.

    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html, 2026-08
    """
    if scope.disk_key is None:
        return []
    used = ("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
    granted = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return [
        allow("UseDiskKey", [f"kms:{action}" for action in used], [scope.disk_key]),
        allow("GrantDiskKey", ["kms:CreateGrant"], [scope.disk_key], granted),
    ]


def _owned(scope: Scope) -> str:
    return f"kubernetes.io/cluster/{scope.cluster}"


def _ours(scope: Scope) -> Mapping[str, object]:
    return {
        "StringEquals": {f"aws:ResourceTag/{_owned(scope)}": "owned"},
        "StringLike": {f"aws:ResourceTag/{POOL_TAG}": "*"},
    }


def _arns(scope: Scope, *kinds: str, account: str = "*") -> list[str]:
    return [
        f"arn:{naming.partition(scope.region)}:ec2:{scope.region}:{account}:{kind}/*"
        for kind in sorted(kinds)
    ]
