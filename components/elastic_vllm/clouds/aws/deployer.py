"""What the role that runs ``pulumi up`` may do, and nothing beside this stack. Pure; imports no SDK.

Bounded by the names that are this stack's alone where the service has such, else by the tag ``stack``, which
the provider puts on all that it makes. Four documents, since one managed policy cannot hold it all.
"""

from collections.abc import Mapping, Sequence

from elastic_vllm.clouds.aws import deployer_existing, naming
from elastic_vllm.clouds.aws.deployer_actions import (
    BOUNDARY_SERVICES,
    BUCKET_CHANGES,
    CHANGED_IN_EC2,
    EKS_KINDS,
    EMPTYING,
    KEY_CHANGES,
    MADE_BY_EC2,
    MANAGED_POLICIES,
    PASSED_TO,
    PROFILE_CHANGES,
    ROLE_ATTACHMENTS,
    ROLE_CHANGES,
    ROLE_POLICIES,
    ROLE_READS,
    SEEN_IN_EC2,
    SERVICE_LINKED,
    TAG_ON_CREATE,
)
from elastic_vllm.clouds.aws.policy_document import allow, document
from elastic_vllm.clouds.aws.spec import AwsSettings


def deployer(
    region: str,
    account: str,
    stack: str,
    boundary: str | None = None,
    cluster: AwsSettings | None = None,
) -> Mapping[str, Mapping[str, object]]:
    """The policy documents to attach to the deployer's role, by what they are for.

    ``boundary`` is the ARN of the policy that every role of the stack must have as its permissions boundary;
    without one, a deployer that writes a role's policy can give it any right. ``cluster`` says what
    exists.
    """
    policies = _PolicyBuilder(region, account, stack)
    documents: Mapping[str, Sequence[Mapping[str, object]]] = {
        "network": policies.network(),
        "identity": policies.identity(boundary),
        "cluster": [*policies.cluster(), *policies.logging_and_events()],
        "weights": policies.weights(),
    }
    if cluster:
        documents = deployer_existing.needed(documents, cluster, account)
    return {name: document(statements) for name, statements in documents.items()}


def boundary(region: str, account: str, stack: str) -> Mapping[str, object]:
    """The document of a permissions boundary for the stack's roles: their services, and nothing of IAM
    but passing the stack's own roles. It grants nothing by itself.
    """
    return document(_PolicyBuilder(region, account, stack).boundary())


class _PolicyBuilder:
    """The statements, for one stack of one account in one region."""

    def __init__(self, region: str, account: str, stack: str) -> None:
        self._partition = naming.partition(region)
        self._region, self._account, self._stack = region, account, stack
        self._name = f"elastic-vllm-{stack}"
        own = naming.owned_prefix(stack)
        self._roles = [self._arn("iam", f"role/{own}*", regional=False)]
        self._profiles = [self._arn("iam", f"instance-profile/{own}*", regional=False)]
        self._tagged = {"StringEquals": {"aws:RequestTag/stack": stack}}
        self._ours = {"StringEquals": {"aws:ResourceTag/stack": stack}}
        self._here = {"StringEquals": {"aws:RequestedRegion": region}}

    def _arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        return (
            f"arn:{self._partition}:{service}:{self._region if regional else ''}:{self._account}:{resource}"
        )

    def network(self) -> list[Mapping[str, object]]:
        """The VPC with all in it, and launch templates."""
        everywhere = [self._arn("ec2", "*")]
        creating = [*MADE_BY_EC2, "RunInstances"]
        tagging = {"StringEquals": {**self._tagged["StringEquals"], "ec2:CreateAction": creating}}
        # Images and snapshots belong to no account.
        images = [f"arn:{self._partition}:ec2:{self._region}::{kind}/*" for kind in ("image", "snapshot")]
        zones = {"ForAllValues:StringLike": {"route53:VPCs": [f"VPCId=*,VPCRegion={self._region}"]}}
        templates = {"ArnLike": {"ec2:LaunchTemplate": self._arn("ec2", "launch-template/*")}}
        return [
            allow(
                "DescribeNetwork", _of("ec2", *(f"Describe{what}" for what in SEEN_IN_EC2)), ["*"], self._here
            ),
            allow(
                "CreateTagged",
                _of("ec2", *MADE_BY_EC2),
                [self._arn("ec2", f"{kind}/*") for kind in TAG_ON_CREATE],
                self._tagged,
            ),
            allow("CreateInOwnedNetwork", _of("ec2", *MADE_BY_EC2), everywhere, self._ours),
            allow("TagOnCreate", _of("ec2", "CreateTags"), everywhere, tagging),
            allow("ModifyOwned", _of("ec2", "CreateTags", *CHANGED_IN_EC2), everywhere, self._ours),
            allow("RunInstancesFromTemplates", _of("ec2", "RunInstances"), [*everywhere, *images], templates),
            allow(
                "NameEndpoints",
                _of("route53", "AssociateVPCWithHostedZone"),
                [f"arn:{self._partition}:route53:::hostedzone/*"],
                zones,
            ),
        ]

    def identity(self, boundary: str | None) -> list[Mapping[str, object]]:
        """Roles and profiles by their names, since a tag does not bound who may be passed."""
        bounded = {"iam:PermissionsBoundary": boundary} if boundary else {}
        attached = [naming.managed_policy(self._region, name) for name in MANAGED_POLICIES]
        services = [f"{name}.amazonaws.com" for name in SERVICE_LINKED]
        linked = [
            self._arn("iam", f"role/aws-service-role/{service}/*", regional=False) for service in services
        ]
        passed = {"StringEquals": {"iam:PassedToService": [*PASSED_TO]}}
        made = {"StringEquals": {**self._tagged["StringEquals"], **bounded}}
        owned = {"StringEquals": {**self._ours["StringEquals"], **bounded}}
        profiling = _of("iam", "CreateInstanceProfile", *PROFILE_CHANGES)
        return [
            allow("CreateRoles", _of("iam", "CreateRole"), self._roles, made),
            allow("ModifyRoles", _of("iam", *ROLE_CHANGES), self._roles, self._ours),
            allow("WriteRolePolicies", _of("iam", *ROLE_POLICIES), self._roles, owned),
            allow(
                "AttachRolePolicies",
                _of("iam", *ROLE_ATTACHMENTS),
                self._roles,
                {**owned, "ArnEquals": {"iam:PolicyARN": attached}},
            ),
            # EKS looks at its service-linked role as the caller before it makes a node group.
            allow("ReadRoles", _of("iam", *ROLE_READS), [*self._roles, *linked]),
            allow("PassRoles", _of("iam", "PassRole"), self._roles, passed),
            allow("ManageInstanceProfiles", profiling, self._profiles),
            allow(
                "CreateServiceLinkedRoles",
                _of("iam", "CreateServiceLinkedRole"),
                linked,
                {"StringEquals": {"iam:AWSServiceName": services}},
            ),
        ]

    def boundary(self) -> list[Mapping[str, object]]:
        """See ``boundary``."""
        reads = _of("iam", "GetInstanceProfile", "ListInstanceProfiles")
        return [
            allow("UseServices", [f"{service}:*" for service in BOUNDARY_SERVICES], ["*"]),
            allow("ReadProfiles", reads, ["*"]),
            allow("PassRoles", _of("iam", "PassRole"), self._roles),
        ]

    def cluster(self) -> list[Mapping[str, object]]:
        """The cluster by its name, with what belongs to it, and its key."""
        kinds = ("access-entry", "addon", "nodegroup", "podidentityassociation")
        whole = [self._arn("eks", f"cluster/{self._name}")]
        parts = [self._arn("eks", f"{kind}/{self._name}/*") for kind in kinds]
        owning = [
            f"{verb}{kind}" for verb in ("Create", "Delete", "Describe", "Update") for kind in EKS_KINDS
        ]
        owning += ["UpdateNodegroupConfig", "UpdateNodegroupVersion", "TagResource", "UntagResource"]
        owning += ["AssociateAccessPolicy", "DisassociateAccessPolicy", "ListAssociatedAccessPolicies"]
        doing = ["CreateCluster", "DeleteCluster", "DescribeCluster", "DescribeUpdate"]
        doing += ["UpdateClusterConfig", "UpdateClusterVersion"]
        known = [one for one in sorted({*owning, *doing}) if one != "UpdateNodegroup"]
        return [
            allow("ManageCluster", _of("eks", *known), [*whole, *parts]),
            allow("DescribeAddonVersions", _of("eks", "DescribeAddonVersions"), ["*"], self._here),
            allow("CreateKeys", _of("kms", "CreateKey", "TagResource"), ["*"], self._tagged),
            allow("ManageOwnedKeys", _of("kms", *KEY_CHANGES), [self._arn("kms", "key/*")], self._ours),
        ]

    def logging_and_events(self) -> list[Mapping[str, object]]:
        """The cluster's logs, interruption events, and tags on Auto Scaling groups."""
        logs = [self._arn("logs", f"log-group:/aws/eks/{self._name}/cluster*")]
        queue = [self._arn("sqs", f"{self._name}-karpenter")]
        rules = [self._arn("events", f"rule/{naming.owned_prefix(self._stack)}*")]
        groups = [self._arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/eks-*")]
        logging = ("CreateLogGroup", "DeleteLogGroup", "ListTagsForResource", "PutRetentionPolicy")
        queueing = ("CreateQueue", "DeleteQueue", "GetQueueAttributes", "ListQueueTags", "SetQueueAttributes")
        ruling = ("DeleteRule", "DescribeRule", "ListTagsForResource", "ListTargetsByRule", "PutRule")
        return [
            allow("ManageLogGroups", _of("logs", *logging, "TagResource", "UntagResource"), logs),
            allow("DescribeLogGroups", _of("logs", "DescribeLogGroups"), ["*"], self._here),
            allow("ManageQueue", _of("sqs", *queueing, "TagQueue", "UntagQueue"), queue),
            allow(
                "ManageEventRules",
                _of("events", *ruling, "PutTargets", "RemoveTargets", "TagResource", "UntagResource"),
                rules,
            ),
            allow(
                "TagAutoScalingGroups",
                _of("autoscaling", "CreateOrUpdateTags", "DeleteTags"),
                groups,
                {"StringEquals": {"aws:ResourceTag/eks:cluster-name": self._name}},
            ),
            allow(
                "DescribeAutoScalingGroups",
                _of("autoscaling", "DescribeAutoScalingGroups", "DescribeTags"),
                ["*"],
                self._here,
            ),
            allow("GetCallerIdentity", _of("sts", "GetCallerIdentity"), ["*"]),
        ]

    def weights(self) -> list[Mapping[str, object]]:
        """The bucket, by what its name begins with. Nothing here reads or writes weights."""
        bucket = f"arn:{self._partition}:s3:::{naming.bucket_prefix(self._stack)}*"
        return [
            allow("ManageBucket", _of("s3", *BUCKET_CHANGES), [bucket]),
            allow("EmptyBucket", _of("s3", *EMPTYING), [f"{bucket}/*"]),
        ]


def _of(service: str, *actions: str) -> list[str]:
    return [f"{service}:{action}" for action in sorted(actions)]
