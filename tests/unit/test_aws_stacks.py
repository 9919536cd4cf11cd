"""The AWS stacks as a whole: reviewed graphs, explicit providers, what is protected, what stays secret."""

import json
import subprocess
import sys

import pytest

from elastic_vllm.rules import findings
from elastic_vllm.stack_file.config import parse, read_stack_file
from elastic_vllm.testing.values import Secret
from elastic_vllm.vllm_deployment import encode
from tests.aws import CANARY, EVERY, EXISTING, HUB_CANARY, ROOT, STACKS, execute, recorded, reviewed
from tests.manifests import Golden, inputs, names, strings

each_stack = pytest.mark.parametrize("stack", EVERY)


@each_stack
def test_the_stack_is_the_graph_that_was_reviewed(stack: str, golden: Golden) -> None:
    golden(f"{stack}.json", reviewed(recorded(stack)))


@each_stack
def test_two_runs_are_alike(stack: str) -> None:
    assert reviewed(execute(stack)) == reviewed(recorded(stack))


@each_stack
def test_a_preview_registers_the_same_resources_as_an_update(stack: str) -> None:
    assert names(execute(stack, preview=True)) == names(recorded(stack))


@each_stack
def test_no_resource_is_left_to_a_default_provider(stack: str) -> None:
    graph = recorded(stack)
    providers = {item.urn: item for item in graph if item.is_provider}
    packages = {
        providers[item.provider_urn].package for item in graph if item.custom and not item.is_provider
    }
    assert packages == {"aws", "kubernetes"}
    for item in graph:
        if item.custom and not item.is_provider:
            assert providers[item.provider_urn].package == item.package


@each_stack
def test_every_resource_has_a_component_above_it(stack: str) -> None:
    graph = recorded(stack)
    components = {item.urn for item in graph if not item.custom}
    assert {item.parent for item in graph if item.custom} <= components


def test_what_cannot_be_made_again_is_protected_where_the_stack_says_so_and_nowhere_else() -> None:
    kept = sorted(item.name for item in recorded("aws-prod") if item.protect)
    assert kept == ["cluster", "cluster-secrets", "weights-bucket"]
    assert inputs(recorded("aws-prod"), "cluster-secrets")["deletionWindowInDays"] == 30
    assert not [item.name for item in recorded("aws-dev") if item.protect]
    for stack in STACKS:
        (cluster,) = recorded(stack).of_type("aws:eks/cluster:Cluster")
        assert cluster.inputs["deletionProtection"] is (stack == "aws-prod")


@each_stack
def test_the_kubeconfig_is_secret_and_holds_no_credential(stack: str) -> None:
    graph = recorded(stack)
    exported = graph.outputs["cluster"]
    assert isinstance(exported, dict)
    assert isinstance(exported["kubeconfig"], Secret)
    given = inputs(graph, "cluster-provider")["kubeconfig"]
    assert isinstance(given, Secret)
    shown = json.loads(str(given.value))
    (user,) = shown["users"]
    assert set(user["user"]) == {"exec"}
    cluster = "platform" if stack == EXISTING else f"elastic-vllm-{stack}"
    assert user["user"]["exec"]["args"][:4] == ["eks", "get-token", "--cluster-name", cluster]


def test_no_key_and_no_token_is_anywhere_in_the_plain() -> None:
    graph = recorded("aws-prod")
    seen = [text for item in graph for text in strings(item.inputs)] + list(strings(graph.outputs))
    assert len(seen) > 500
    for secret in (CANARY, HUB_CANARY):
        assert not [text for text in seen if secret in text or encode(secret) in text]
        assert secret not in reviewed(graph)
        assert encode(secret) not in reviewed(graph)


@each_stack
def test_what_aws_bills_carries_the_tags_of_the_stack(stack: str) -> None:
    graph = recorded(stack)
    own = {"team": "vision", "cost-center": "4711"} if stack == EXISTING else {}
    tags = {**own, "app": "elastic-vllm", "stack": stack}
    provider = json.loads(str(inputs(graph, "cluster-aws")["defaultTags"]))
    assert provider == {"tags": tags}
    # Made by EC2 and not by the provider: machines, their disks and their interfaces.
    for template in graph.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        for specification in template.inputs["tagSpecifications"]:  # type: ignore[attr-defined]  # decoded JSON
            assert tags.items() <= specification["tags"].items()
    for item in graph.of_type("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"):
        assert tags.items() <= inputs(graph, item.name)["spec"]["tags"].items()
    if stack != EXISTING:
        volumes = json.loads(inputs(graph, "cluster-aws-ebs-csi-driver")["configurationValues"])
        assert volumes["controller"]["extraVolumeTags"] == tags


def test_admins_of_one_name_in_two_accounts_are_two() -> None:
    arns = [f"arn:aws:iam::{account}:role/ops" for account in ("111122223333", "444455556666")]
    graph = execute("aws-dev", cluster={"cloud": "aws", "region": "eu-central-1", "admins": arns})
    entries = {item.name: item.inputs for item in graph.of_type("aws:eks/accessEntry:AccessEntry")}
    assert [one["principalArn"] for name, one in entries.items() if "-admin-ops" in name] == arns
    assert entries["cluster-admin-ops"]["principalArn"] == arns[0]


def test_only_the_sdk_of_the_cloud_in_use_is_imported() -> None:
    program = """
import sys
from pathlib import Path
from elastic_vllm.testing import monitor
from fleet.deploy.program import stack_ref
root = Path.cwd()
for name in ("local", "aws-dev"):
    stack = stack_ref(name, root=root, kubeconfig=root, home=root)
    monitor.run(stack.program, preview=True, config=stack.config, secret_keys=stack.secret_keys)
    print(*sorted(name for name in sys.modules if name in ("pulumi_aws", "pulumi_gcp")))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == ["", "pulumi_aws"]


def test_a_first_up_that_outlives_an_hours_credentials_is_announced() -> None:
    said = {}
    for stack in EVERY:
        config = parse(read_stack_file(ROOT / "stacks" / f"Pulumi.{stack}.yaml"))
        said[stack] = [item.key for item in findings(config) if item.id == "long-first-up"]
    assert said == {"aws-dev": [], "aws-prod": ["models[1].checkpoint"], EXISTING: []}


def test_a_zone_that_is_added_later_moves_nothing() -> None:
    """EKS takes no subnet of another zone for its control plane, and a node group none at all."""
    two = {"cloud": "aws", "region": "eu-central-1", "zones": ["eu-central-1b", "eu-central-1a"]}
    three = {**two, "zones": [*two["zones"], "eu-central-1c"]}
    before, after = recorded("aws-dev", cluster=two), recorded("aws-dev", cluster=three)
    changed: dict[str, set[str]] = {}
    for item in before:
        other = after.find(item.urn)
        assert other is not None, item.name
        keys = {key for key in {*item.inputs, *other.inputs} if item.inputs.get(key) != other.inputs.get(key)}
        if keys and item.package in ("aws", "kubernetes"):
            changed[item.name] = keys
    assert changed == {
        # All of these are updated where they are.
        "cluster-ecr-api": {"subnetIds"},
        "cluster-ecr-dkr": {"subnetIds"},
        "cluster-s3": {"routeTableIds"},
        "l4-nodes-class": {"spec"},
    }
