"""IAM: every policy is whole, names actions that exist, and gives Karpenter its own machines only."""

import json
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader  # type: ignore[import-untyped]  # botocore ships no types

from elastic_vllm.clouds.aws import naming, permissions
from tests.aws import STACKS, recorded
from tests.manifests import plain

NOT_OPERATIONS = {"iam:PassRole", "sts:TagSession", "sqs:*", "s3:*", "s3:ListBucket"}
"""Permissions that no operation bears the name of; Service Authorization Reference, as of 2026-11-23."""
INLINE_CHARACTERS = 10_240
"""The most that IAM takes of inline policies on one role, spaces not counted."""
SCOPE = permissions.Scope(
    region="eu-west-1",
    cluster="c",
    cluster_arn="arn:aws:eks:eu-west-1:111122223333:cluster/c",
    node_role_arn="arn:aws:iam::111122223333:role/node",
    profile_arn="arn:aws:iam::111122223333:instance-profile/node",
    queue_arn="arn:aws:sqs:eu-west-1:111122223333:c",
)


def controller() -> dict[str, Any]:
    found: dict[str, Any] = plain(permissions.controller(SCOPE))
    return {statement["Sid"]: statement for statement in found["Statement"]}


def documents(stack: str) -> list[Any]:
    found = []
    for item in recorded(stack):
        found += [
            json.loads(str(item.inputs[key])) for key in ("policy", "assumeRolePolicy") if key in item.inputs
        ]
    assert len(found) == 14
    return found


@cache
def operations(service: str) -> frozenset[str]:
    return frozenset(Loader().load_service_model(service, "service-2")["operations"])


@pytest.mark.parametrize("stack", STACKS)
def test_every_statement_is_whole_and_every_action_exists(stack: str) -> None:
    for document in documents(stack):
        assert document["Version"] == "2012-10-17"
        for statement in document["Statement"]:
            assert statement["Effect"] in ("Allow", "Deny")
            assert {"Resource", "Principal"} & set(statement)
            for action in statement["Action"]:
                service, _, operation = action.partition(":")
                assert action in NOT_OPERATIONS or operation in operations(service), action


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_allowed_everywhere_but_to_look(stack: str) -> None:
    for document in documents(stack):
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow" and statement.get("Resource") == ["*"]:
                verbs = {action.partition(":")[2] for action in statement["Action"]}
                assert all(verb.startswith(("Describe", "Get", "List")) for verb in verbs), statement


def test_karpenter_may_not_make_roles_or_profiles() -> None:
    actions = {action for statement in controller().values() for action in statement["Action"]}
    assert {action for action in actions if action.startswith("iam:")} == {
        "iam:GetInstanceProfile",
        "iam:ListInstanceProfiles",
        "iam:PassRole",
    }


@pytest.mark.parametrize("sid", ["LaunchFromOwnedTemplates", "TagOwnedInstances", "TerminateOwnedInstances"])
def test_karpenter_touches_what_bears_the_clusters_and_a_pools_tag_alone(sid: str) -> None:
    condition = controller()[sid]["Condition"]
    assert condition["StringEquals"] == {"aws:ResourceTag/kubernetes.io/cluster/c": "owned"}
    assert condition["StringLike"] == {"aws:ResourceTag/karpenter.sh/nodepool": "*"}


@pytest.mark.parametrize("sid", ["LaunchTagged", "TagOnCreate"])
def test_what_karpenter_makes_is_born_with_the_tags(sid: str) -> None:
    condition = controller()[sid]["Condition"]
    assert condition["StringEquals"]["aws:RequestTag/kubernetes.io/cluster/c"] == "owned"
    assert condition["StringEquals"]["aws:RequestTag/eks:eks-cluster-name"] == "c"
    assert condition["StringLike"] == {"aws:RequestTag/karpenter.sh/nodepool": "*"}


def test_karpenter_passes_one_role_to_ec2_and_reads_one_queue() -> None:
    assert controller()["PassNodeRole"]["Resource"] == [SCOPE.node_role_arn]
    assert controller()["ReadInterruptionQueue"]["Resource"] == [SCOPE.queue_arn]


def test_the_policy_fits_on_a_role() -> None:
    text = json.dumps(plain(permissions.controller(SCOPE)), separators=(",", ":"))
    assert 3000 < len(text) < INLINE_CHARACTERS


@pytest.mark.parametrize("stack", STACKS)
def test_only_tls_reaches_the_queue_and_only_our_rules_fill_it(stack: str) -> None:
    graph = recorded(stack)
    (item,) = graph.of_type("aws:sqs/queuePolicy:QueuePolicy")
    send, deny = json.loads(str(item.inputs["policy"]))["Statement"]
    rules = graph.of_type("aws:cloudwatch/eventRule:EventRule")
    assert len(send["Condition"]["ArnEquals"]["aws:SourceArn"]) == len(rules) == 5
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    for rule in rules:
        assert set(json.loads(str(rule.inputs["eventPattern"]))) == {"detail-type", "source"}


@pytest.mark.parametrize("stack", STACKS)
def test_models_read_one_bucket_the_prefetch_writes_it_and_nobody_deletes(stack: str) -> None:
    graph = recorded(stack)
    arn = "arn:aws:s3:::weights-bucket-0123abc"
    look = {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [arn]}
    for who, actions in (
        ("reader", ["s3:GetObject"]),
        ("writer", ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]),
    ):
        document = json.loads(str(graph.named(f"weights-{who}-policy").inputs["policy"]))
        use = {"Effect": "Allow", "Action": actions, "Resource": [f"{arn}/*"]}
        assert document["Statement"] == [look, use]
    bound = {
        item.inputs["serviceAccount"]: str(item.inputs["roleArn"]).rpartition(":")[2]
        for item in graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
        if item.inputs["namespace"] == "inference"
    }
    models = {
        item.name.removesuffix("-deployment") for item in graph.of_type("kubernetes:apps/v1:Deployment")
    }
    assert bound.pop("weights.prefetch") == "weights-writer-role"
    assert bound == dict.fromkeys(models, "weights-reader-role")


@pytest.mark.parametrize("stack", STACKS)
def test_the_bucket_is_private_encrypted_and_reached_by_tls_alone(stack: str) -> None:
    graph = recorded(stack)
    closed = dict(graph.named("weights-bucket-private").inputs)
    assert closed.pop("bucket") == "weights-bucket"
    assert set(closed) == {
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    }
    assert set(closed.values()) == {True}
    (deny,) = json.loads(str(graph.named("weights-bucket-tls-only").inputs["policy"]))["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", ["s3:*"])
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(deny["Resource"]) == 2
    assert graph.named("weights-bucket").inputs["forceDestroy"] is (stack == "aws-dev")
    graph.named("weights-bucket-encryption")


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")]
)
def test_arns_are_of_the_regions_partition(region: str, partition: str) -> None:
    assert naming.managed_policy(region, "X") == f"arn:{partition}:iam::aws:policy/X"


@pytest.mark.parametrize("vpc", ["10.64.0.0/16", "10.0.0.0/20"])
def test_subnets_are_apart_inside_the_vpc_and_a_zone_more_moves_none(vpc: str) -> None:
    from ipaddress import IPv4Network  # noqa: PLC0415  # used here alone
    from itertools import combinations  # noqa: PLC0415  # likewise

    private, public = naming.subnets(vpc, 4)
    ranges = [IPv4Network(text) for text in (*private, *public)]
    assert all(text.subnet_of(IPv4Network(vpc)) and text.prefixlen <= 28 for text in ranges)
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
    assert naming.subnets(vpc, 3) == (private[:3], public[:3])
