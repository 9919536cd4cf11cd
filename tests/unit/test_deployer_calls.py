"""The AWS deployer's policies, evaluated: every call of the stacks passes, and no way to more rights does."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from elastic_vllm.clouds.aws import naming
from elastic_vllm.clouds.aws.deployer import boundary, deployer
from elastic_vllm.spec import AwsCluster
from elastic_vllm.stack_file.config import parse, read_stack_file
from elastic_vllm.testing.registration import Graph
from tests.aws import ACCOUNT, EXISTING, MANAGED, ROOT, STACKS, recorded
from tests.iam import Call, allows

REGION, STACK = "eu-central-1", "aws-dev"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/elastic-vllm-boundary"
CALLS: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("aws_calls.yaml").read_text())
PREFIX = naming.owned_prefix(STACK)
PLACES = {
    "account": ACCOUNT,
    "asg": f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1:autoScalingGroupName/eks-l4-1",
    "bucket": f"arn:aws:s3:::{naming.bucket_prefix(STACK)}20261130",
    "cluster": f"elastic-vllm-{STACK}",
    "ec2": f"arn:aws:ec2:{REGION}:{ACCOUNT}",
    "eks": f"arn:aws:eks:{REGION}:{ACCOUNT}",
    "iam": f"arn:aws:iam::{ACCOUNT}",
    "kms": f"arn:aws:kms:{REGION}:{ACCOUNT}",
    "logs": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/eks/elastic-vllm-{STACK}/cluster",
    "policy": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
    "profile": f"arn:aws:iam::{ACCOUNT}:instance-profile/{PREFIX}autoscaler-node-profile",
    "queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:elastic-vllm-{STACK}-karpenter",
    "region": REGION,
    "role": f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}cluster-role",
    "rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{PREFIX}autoscaler-interruption-spot",
}
ROLE = PLACES["role"]
OURS = {"aws:ResourceTag/stack": STACK, "iam:PermissionsBoundary": BOUNDARY}
EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
EC2 = {"iam:PassedToService": "ec2.amazonaws.com"}


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


ESCALATIONS = {
    "attach AdministratorAccess": Call("iam:AttachRolePolicy", ROLE, {**OURS, "iam:PolicyARN": EVERYTHING}),
    "create a role outside the stack": Call(
        "iam:CreateRole",
        role("cluster-evil"),
        {"aws:RequestTag/stack": STACK, "iam:PermissionsBoundary": BOUNDARY},
    ),
    "create a role without the boundary": Call("iam:CreateRole", ROLE, {"aws:RequestTag/stack": STACK}),
    "write a policy of a role without the boundary": Call(
        "iam:PutRolePolicy", ROLE, {"aws:ResourceTag/stack": STACK}
    ),
    "take the boundary off": Call("iam:DeleteRolePermissionsBoundary", ROLE, OURS),
    "change the boundary": Call("iam:CreatePolicyVersion", BOUNDARY, OURS),
    "pass another stack's role": Call("iam:PassRole", role(f"{naming.owned_prefix('aws-prod')}node"), EC2),
    "pass the role of a stack whose name begins alike": Call(
        "iam:PassRole", role(f"{naming.owned_prefix('aws-dev-2')}node"), EC2
    ),
    "pass an administrator's role": Call("iam:PassRole", role("Admin"), EC2),
    "pass a role to a function": Call("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
    "trust another stack's role to itself": Call(
        "iam:UpdateAssumeRolePolicy", role(naming.owned("aws-prod", "cluster-role")), {**OURS}
    ),
    "widen its own role": Call("iam:PutRolePolicy", role("deployer"), OURS),
    "start a machine without a template": Call("ec2:RunInstances", f"{PLACES['ec2']}:instance/*", {}),
    "read the weights": Call("s3:GetObject", f"{PLACES['bucket']}/model.safetensors", {}),
    "delete another stack's cluster": Call(
        "eks:DeleteCluster", f"{PLACES['eks']}:cluster/elastic-vllm-aws-prod"
    ),
    "touch another stack's network": Call(
        "ec2:DeleteVpc", f"{PLACES['ec2']}:vpc/vpc-2", {"aws:ResourceTag/stack": "aws-prod"}
    ),
}


@cache
def statements(bound: str | None = BOUNDARY) -> list[Any]:
    documents = json.loads(json.dumps(deployer(REGION, ACCOUNT, STACK, bound)))
    return [statement for document in documents.values() for statement in document["Statement"]]


def calls(row: Mapping[str, Any], bound: str | None = BOUNDARY, stack: str = STACK) -> Iterator[Call]:
    """What one row of the table comes down to."""
    keys = {"new": "aws:RequestTag/stack", "ours": "aws:ResourceTag/stack"}
    context: dict[str, str | list[str]] = {"aws:RequestedRegion": REGION}
    if "tag" in row:
        context[keys[row["tag"]]] = stack
    if row.get("bounded") and bound:
        context["iam:PermissionsBoundary"] = bound
    for key, value in row.get("key", {}).items():
        context[key] = (
            [one.format(**PLACES) for one in value] if isinstance(value, list) else value.format(**PLACES)
        )
    for action in row["do"]:
        for resource in row["at"]:
            yield Call(action, resource.format(**PLACES), context)


@cache
def graphs() -> tuple[Graph, ...]:
    return (*(recorded(stack) for stack in STACKS), recorded("aws-dev", cluster=MANAGED))


@cache
def needed() -> tuple[Call, ...]:
    """Every call of every resource type in the graphs."""
    kinds = {
        item.type.removeprefix("aws:")
        for graph in graphs()
        for item in graph
        if item.package == "aws" and not item.is_provider
    }
    assert kinds <= set(CALLS), f"no calls are listed for {kinds - set(CALLS)}"
    return tuple(call for kind in sorted({*kinds, "always"}) for row in CALLS[kind] for call in calls(row))


def test_every_call_of_the_stacks_is_allowed() -> None:
    assert len(needed()) > 150
    assert [call for call in needed() if not allows(statements(), call)] == []


def test_every_call_is_allowed_where_no_boundary_is_declared() -> None:
    plain = [call for kind in CALLS for row in CALLS[kind] for call in calls(row, None)]
    assert [call for call in plain if not allows(statements(None), call)] == []


@pytest.mark.parametrize("sid", [statement["Sid"] for statement in statements()])
def test_without_any_one_statement_a_call_is_refused(sid: str) -> None:
    rest = [statement for statement in statements() if statement["Sid"] != sid]
    assert [call for call in needed() if not allows(rest, call)], sid


@pytest.mark.parametrize("way", ESCALATIONS)
def test_no_way_to_more_rights_is_allowed(way: str) -> None:
    assert not allows(statements(), ESCALATIONS[way])


def test_only_without_a_boundary_a_role_can_be_given_any_right() -> None:
    write = Call("iam:PutRolePolicy", ROLE, {"aws:ResourceTag/stack": STACK})
    assert allows(statements(None), write)
    assert not allows(statements(), write)


def test_the_policies_that_may_be_attached_are_those_of_the_program() -> None:
    (statement,) = [one for one in statements() if one["Sid"] == "AttachRolePolicies"]
    used = {
        item.inputs["policyArn"]
        for graph in graphs()
        for item in graph.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    }
    assert set(statement["Condition"]["ArnEquals"]["iam:PolicyARN"]) == used


def test_roles_profiles_and_rules_bear_the_stacks_name_and_boundary() -> None:
    cluster = {"cloud": "aws", "region": REGION, "permissionsBoundary": BOUNDARY}
    graph = recorded("aws-dev", cluster=cluster)
    named = [
        item
        for item in graph
        if item.type
        in (
            "aws:iam/role:Role",
            "aws:iam/instanceProfile:InstanceProfile",
            "aws:cloudwatch/eventRule:EventRule",
        )
    ]
    assert {str(item.inputs["name"])[: len(PREFIX)] for item in named} == {PREFIX}
    roles = graph.of_type("aws:iam/role:Role")
    assert {item.inputs.get("permissionsBoundary") for item in roles} == {BOUNDARY}


def test_the_boundary_lets_the_stacks_roles_do_their_work_and_no_more() -> None:
    bound = json.loads(json.dumps(boundary(REGION, ACCOUNT, STACK)))["Statement"]
    for graph in graphs():
        for item in graph.of_type("aws:iam/rolePolicy:RolePolicy"):
            for statement in json.loads(str(item.inputs["policy"]))["Statement"]:
                for action in statement["Action"]:
                    resource = ROLE if action == "iam:PassRole" else "arn:aws:any"
                    assert allows(bound, Call(action, resource)), action
    for action in (
        "iam:CreateUser",
        "iam:PutRolePolicy",
        "sts:AssumeRole",
        "organizations:LeaveOrganization",
    ):
        assert not allows(bound, Call(action, "*"))


OWN_KARPENTER = {"nodeInstanceProfile": "KarpenterNodeInstanceProfile-platform"}


@pytest.mark.parametrize("karpenter", [{}, OWN_KARPENTER])
def test_the_deployer_of_an_existing_cluster_joins_it_and_cannot_change_it(
    monkeypatch: pytest.MonkeyPatch, karpenter: dict[str, str]
) -> None:
    raw = read_stack_file(ROOT / "stacks" / f"Pulumi.{EXISTING}.yaml")
    section: Any = raw["cluster"]
    section["existing"] |= karpenter
    cluster = parse(raw).cluster
    assert isinstance(cluster, AwsCluster)
    documents = json.loads(
        json.dumps(deployer(REGION, ACCOUNT, EXISTING, cluster.permissions_boundary, cluster))
    )
    assert set(documents) == {"identity", "cluster"}
    granted = [one for document in documents.values() for one in document["Statement"]]
    prefix = naming.owned_prefix(EXISTING)
    own = {
        "cluster": "platform",
        "profile": f"{PLACES['iam']}:instance-profile/{prefix}autoscaler-node-profile",
        "queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:elastic-vllm-{EXISTING}-karpenter",
        "role": role(f"{prefix}weights-reader-role"),
        "rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{prefix}autoscaler-interruption-spot",
    }
    for key, value in own.items():
        monkeypatch.setitem(PLACES, key, value)
    graph = recorded(EXISTING, cluster=section)
    kinds = {
        item.type.removeprefix("aws:") for item in graph if item.package == "aws" and not item.is_provider
    }
    wanted = [
        call
        for kind in sorted(kinds)
        for row in CALLS[kind]
        for call in calls(row, cluster.permissions_boundary, EXISTING)
    ]
    assert len(wanted) > 12
    assert [call for call in wanted if not allows(granted, call)] == []
    at = f"{PLACES['eks']}:cluster/platform"
    for action in ("DeleteCluster", "UpdateClusterConfig", "CreateNodegroup", "CreateAddon"):
        assert not allows(granted, Call(f"eks:{action}", at)), action
    assert not allows(granted, Call("ec2:CreateVpc", f"{PLACES['ec2']}:vpc/vpc-1", {**OURS}))
    if karpenter:
        assert not [one["Sid"] for one in granted if one["Sid"].startswith(("ManageQueue", "ManageEvent"))]


def test_the_deployer_of_a_cluster_in_an_existing_network_with_a_key_of_yours_makes_neither() -> None:
    key = f"{PLACES['kms']}:key/ours"
    network = {"existing": {"vpc": "vpc-1", "subnets": {f"{REGION}a": "subnet-1", f"{REGION}b": "subnet-2"}}}
    given = {"cloud": "aws", "region": REGION, "network": network, "encryption": {"secrets": key}}
    cluster = AwsCluster.model_validate(given)
    documents = json.loads(json.dumps(deployer(REGION, ACCOUNT, STACK, BOUNDARY, cluster)))
    granted = [one for document in documents.values() for one in document["Statement"]]
    assert allows(granted, Call("kms:CreateGrant", key))
    assert allows(granted, Call("eks:CreateCluster", f"{PLACES['eks']}:cluster/{PLACES['cluster']}"))
    assert not allows(granted, Call("kms:CreateKey", "*", {"aws:RequestTag/stack": STACK}))
    assert not allows(granted, Call("ec2:CreateSubnet", f"{PLACES['ec2']}:vpc/vpc-1", OURS))


@pytest.mark.parametrize(("stack", "name"), [("a-stack-with-a-very-long-name", "x" * 60), ("s", "role")])
def test_a_name_fits_what_iam_takes_and_keeps_the_stacks_prefix(stack: str, name: str) -> None:
    assert len(naming.owned(stack, name)) <= 64
    assert naming.owned(stack, name).startswith(naming.owned_prefix(stack))
    assert naming.owned(stack, name) != naming.owned(stack, f"{name}y")
