"""Everything the AWS stacks register on the closed list is something that AWS's own models accept."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from elastic_vllm.testing.registration import Registration
from tests.aws import EVERY, EXISTING, MANAGED, execute, recorded
from tests.aws_api import MAPPINGS, Call, UnmappedError, calls, problems
from tests.manifests import plain

UNMAPPED = {
    f"aws:ec2/{name[0].lower()}{name[1:]}:{name}"
    for name in (
        "Eip",
        "InternetGateway",
        "NatGateway",
        "Route",
        "RouteTable",
        "RouteTableAssociation",
        "SecurityGroup",
        "Subnet",
        "Vpc",
        "VpcEndpoint",
    )
}
"""The network: types and golden graphs have to do."""
RICH = {
    "cloud": "aws",
    "region": "eu-central-1",
    "authorizedNetworks": ["3.5.140.0/24"],
    "admins": ["arn:aws:iam::111122223333:role/ops/on-call"],
    "controlPlaneTier": "tier-xl",
    "hpaSyncSeconds": 10,
    "permissionsBoundary": "arn:aws:iam::111122223333:policy/bound",
}
HELD = {"name": "cr-0123456789abcdef0", "zone": "eu-central-1a"}
P5 = {"accelerator": "h100", "gpusPerNode": 8, "maxNodes": 2, "capacity": "reserved"}
POOLS = [
    {"name": "l4", "accelerator": "l4", "maxNodes": 4, "capacity": "spot-then-on-demand", "minNodes": 1},
    {"name": "block", **P5, "reservation": {**HELD, "block": True}},
    {"name": "held", **P5, "reservation": HELD},
]
Spoiler = Callable[[Any], object]


def of_aws(stack: str, **sections: object) -> list[Registration]:
    graph = execute(stack, preview=False, **sections) if sections else recorded(stack)
    found = [item for item in graph if item.type.startswith("aws:")]
    assert len(found) > (20 if stack == EXISTING else 40)
    return found


@pytest.mark.parametrize("stack", EVERY)
def test_every_planned_resource_is_one_that_the_api_takes(stack: str) -> None:
    for item in of_aws(stack):
        if item.type not in UNMAPPED:
            assert [problem for call in calls(item) for problem in problems(call)] == [], item.name


def test_so_is_every_resource_with_every_option_set() -> None:
    graphs = [of_aws("aws-dev", cluster=RICH), of_aws("aws-dev", cluster=MANAGED, pools=POOLS, models=[])]
    planned = [item for graph in graphs for item in graph if item.type not in UNMAPPED]
    assert {item.type for item in planned} == set(MAPPINGS)
    for item in planned:
        assert [problem for call in calls(item) for problem in problems(call)] == [], item.name


def test_no_type_is_both_mapped_and_let_off() -> None:
    assert not UNMAPPED & set(MAPPINGS)
    assert {item.type for item in of_aws("aws-prod")} <= UNMAPPED | set(MAPPINGS)


@pytest.mark.parametrize(
    ("type_token", "spoil", "found"),
    [
        (
            "aws:eks/nodeGroup:NodeGroup",
            lambda given: given.update(amiType="AL2_ARM"),
            "'AL2_ARM' is none of",
        ),
        ("aws:eks/nodeGroup:NodeGroup", lambda given: given.update(capacityType="on-demand"), "is none of"),
        (
            "aws:eks/cluster:Cluster",
            lambda given: given["accessConfig"].update(authenticationMode="IAM"),
            "none of",
        ),
        ("aws:eks/cluster:Cluster", lambda given: given["vpcConfig"].update(subnetId="a"), "has no subnetId"),
        ("aws:eks/cluster:Cluster", lambda given: given.pop("roleArn"), "misses roleArn"),
        ("aws:eks/cluster:Cluster", lambda given: given.update(deletionProtection="true"), "is no boolean"),
        ("aws:sqs/queue:Queue", lambda given: given.update(name=7), "7 is no string"),
        ("aws:kms/key:Key", lambda given: given.update(deletionWindowInDays=400), "is out of"),
        (
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            lambda given: given.pop("namespace"),
            "misses",
        ),
        (
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            lambda given: given["rule"].update(objectOwnership="Bucket"),
            "'Bucket' is none of",
        ),
        (
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            lambda given: given["rules"][0]["applyServerSideEncryptionByDefault"].update(key="k"),
            "has no key",
        ),
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            lambda given: given["rules"][0].update(status="On"),
            "'On' is none of",
        ),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            lambda given: given["metadataOptions"].update(httpTokens="must"),
            "'must' is none of",
        ),
        (
            "aws:autoscaling/tag:Tag",
            lambda given: given["tag"].update(propagateAtLaunch="no"),
            "is no boolean",
        ),
        (
            "aws:eks/nodeGroup:NodeGroup",
            lambda given: given.update(taints=[{"key": "gpu", "effect": "NoSchedule"}]),
            "'NoSchedule' is none of",
        ),
    ],
)
def test_a_planted_mistake_is_found(type_token: str, spoil: Spoiler, found: str) -> None:
    graph = [*of_aws("aws-prod"), *of_aws("aws-dev", cluster=MANAGED)]
    item = next(item for item in graph if item.type == type_token)
    given = plain(dict(item.inputs))
    spoil(given)
    said = [problem for call in calls(replace(item, inputs=given)) for problem in problems(call)]
    assert any(found in problem for problem in said), said


def test_an_input_that_nothing_carries_to_the_api_is_an_error() -> None:
    item = next(item for item in of_aws("aws-dev") if item.type == "aws:eks/addon:Addon")
    with pytest.raises(UnmappedError, match="preserve"):
        calls(replace(item, inputs={**item.inputs, "preserve": True}))
    with pytest.raises(UnmappedError, match="no mapping"):
        calls(replace(item, type="aws:eks/fargateProfile:FargateProfile"))


def test_an_unknown_attribute_of_a_queue_is_found() -> None:
    call = Call("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"Retention": "1"}})
    assert any("'Retention' is none of" in problem for problem in problems(call))
