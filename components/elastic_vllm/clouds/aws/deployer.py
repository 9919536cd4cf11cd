"""What the role that runs ``pulumi up`` may do, and nothing beside this stack. Pure; imports no SDK.

Bounded by the names that are this stack's alone where the service has such, else by the tag ``stack``, which
the provider puts on all that it makes. Three documents, since one managed policy cannot hold it all.
"""

from collections.abc import Mapping, Sequence

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.deployer_actions import (
    BUCKET_CHANGES,
    CHANGED_IN_EC2,
    EKS_KINDS,
    EMPTYING,
    KEY_CHANGES,
    MADE_BY_EC2,
    PASSED_TO,
    PROFILE_CHANGES,
    ROLE_CHANGES,
    ROLE_NAMES,
    ROLE_READS,
    SEEN_IN_EC2,
    SERVICE_LINKED,
    TAG_ON_CREATE,
)


def deployer(region: str, account: str, stack: str) -> Mapping[str, Mapping[str, object]]:
    """The policy documents to attach to the deployer's role, by what they are for."""
    policies = _PolicyBuilder(region, account, stack)
    return {
        "network": _document(policies.network()),
        "cluster": _document([*policies.identity(), *policies.cluster(), *policies.logging_and_events()]),
        "weights": _document(policies.weights()),
    }


class _PolicyBuilder:
    """The statements, for one stack of one account in one region."""

    def __init__(self, region: str, account: str, stack: str) -> None:
        self._partition = naming.partition(region)
        self._region, self._account, self._stack = region, account, stack
        self._name = f"elastic-vllm-{stack}"
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
        tagging = {"StringEquals": {**self._tagged["StringEquals"], "ec2:CreateAction": [*MADE_BY_EC2]}}
        templates = {"ArnLike": {"ec2:LaunchTemplate": self._arn("ec2", "launch-template/*")}}
        return [
            _allow(
                "DescribeNetwork", _of("ec2", *(f"Describe{what}" for what in SEEN_IN_EC2)), ["*"], self._here
            ),
            _allow(
                "CreateTagged",
                _of("ec2", *MADE_BY_EC2),
                [self._arn("ec2", f"{kind}/*") for kind in TAG_ON_CREATE],
                self._tagged,
            ),
            _allow("CreateInOwnedNetwork", _of("ec2", *MADE_BY_EC2), everywhere, self._ours),
            _allow("TagOnCreate", _of("ec2", "CreateTags"), everywhere, tagging),
            _allow("ModifyOwned", _of("ec2", "CreateTags", *CHANGED_IN_EC2), everywhere, self._ours),
            _allow("RunInstancesFromTemplates", _of("ec2", "RunInstances"), everywhere, templates),
        ]

    def identity(self) -> list[Mapping[str, object]]:
        """Roles and profiles by their names, since a tag does not bound who may be passed."""
        roles = [self._arn("iam", f"role/{name}", regional=False) for name in ROLE_NAMES]
        profiles = [self._arn("iam", f"instance-profile/{name}", regional=False) for name in ROLE_NAMES]
        linked = {
            "StringEquals": {"iam:AWSServiceName": [f"{name}.amazonaws.com" for name in SERVICE_LINKED]}
        }
        passed = {"StringEquals": {"iam:PassedToService": [*PASSED_TO]}}
        return [
            _allow("CreateRoles", _of("iam", "CreateRole"), roles, self._tagged),
            _allow("ModifyRoles", _of("iam", *ROLE_CHANGES), roles, self._ours),
            _allow("ReadRoles", _of("iam", *ROLE_READS), roles),
            _allow("PassRoles", _of("iam", "PassRole"), roles, passed),
            _allow("ManageInstanceProfiles", _of("iam", "CreateInstanceProfile", *PROFILE_CHANGES), profiles),
            _allow("CreateServiceLinkedRoles", _of("iam", "CreateServiceLinkedRole"), ["*"], linked),
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
            _allow("ManageCluster", _of("eks", *known), [*whole, *parts]),
            _allow("DescribeAddonVersions", _of("eks", "DescribeAddonVersions"), ["*"], self._here),
            _allow("CreateKeys", _of("kms", "CreateKey", "TagResource"), ["*"], self._tagged),
            _allow("ManageOwnedKeys", _of("kms", *KEY_CHANGES), [self._arn("kms", "key/*")], self._ours),
        ]

    def logging_and_events(self) -> list[Mapping[str, object]]:
        """The cluster's logs, interruption events, and tags on Auto Scaling groups."""
        logs = [self._arn("logs", f"log-group:/aws/eks/{self._name}/cluster*")]
        queue = [self._arn("sqs", f"{self._name}-*")]
        rules = [self._arn("events", "rule/autoscaler-*")]
        groups = [self._arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/eks-*")]
        logging = ("CreateLogGroup", "DeleteLogGroup", "ListTagsForResource", "PutRetentionPolicy")
        queueing = ("CreateQueue", "DeleteQueue", "GetQueueAttributes", "ListQueueTags", "SetQueueAttributes")
        ruling = ("DeleteRule", "DescribeRule", "ListTagsForResource", "ListTargetsByRule", "PutRule")
        return [
            _allow("ManageLogGroups", _of("logs", *logging, "TagResource", "UntagResource"), logs),
            _allow("DescribeLogGroups", _of("logs", "DescribeLogGroups"), ["*"], self._here),
            _allow("ManageQueue", _of("sqs", *queueing, "TagQueue", "UntagQueue"), queue),
            _allow(
                "ManageEventRules",
                _of("events", *ruling, "PutTargets", "RemoveTargets", "TagResource", "UntagResource"),
                rules,
            ),
            _allow("TagAutoScalingGroups", _of("autoscaling", "CreateOrUpdateTags", "DeleteTags"), groups),
            _allow(
                "DescribeAutoScalingGroups",
                _of("autoscaling", "DescribeAutoScalingGroups", "DescribeTags"),
                ["*"],
                self._here,
            ),
            _allow("GetCallerIdentity", _of("sts", "GetCallerIdentity"), ["*"]),
        ]

    def weights(self) -> list[Mapping[str, object]]:
        """The bucket, by what its name begins with. Nothing here reads or writes weights."""
        bucket = f"arn:{self._partition}:s3:::{naming.bucket_prefix(self._stack)}*"
        return [
            _allow("ManageBucket", _of("s3", *BUCKET_CHANGES), [bucket]),
            _allow("EmptyBucket", _of("s3", *EMPTYING), [f"{bucket}/*"]),
        ]


def _of(service: str, *actions: str) -> list[str]:
    return [f"{service}:{action}" for action in sorted(actions)]


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, object] | None = None
) -> Mapping[str, object]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": [*resources]}
    return {**statement, "Condition": condition} if condition else statement


def _document(statements: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": [*statements]}
