"""What a deployer is allowed: enough for every resource that is planned, and no more than this stack's."""

import json
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader  # type: ignore[import-untyped]  # botocore ships no types
from typer.testing import CliRunner, Result

from elastic_vllm.clouds.aws.deployer import boundary, deployer
from elastic_vllm.clouds.aws.naming import bucket_prefix
from elastic_vllm.clouds.gcp.deployer import ROLES, grant_condition
from elastic_vllm.clouds.gcp.identity import NODE_ROLES
from fleet.cli.main import app
from fleet.errors import FleetError
from tests.aws import recorded
from tests.gcp import STACKS as GCP_STACKS
from tests.gcp import google
from tests.gcp import recorded as on_google

ROOT = Path(__file__).parents[2]
MANAGED_POLICY_CHARACTERS = 6144
"""The most that IAM takes of one managed policy, spaces not counted."""
NOT_OPERATIONS = {
    "iam:PassRole",
    "s3:DeleteObjectVersion",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketCORS",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
}
"""Permissions that no operation bears the name of; Service Authorization Reference, as of 2026-11-25."""


@cache
def documents() -> dict[str, Any]:
    return json.loads(json.dumps(deployer("eu-central-1", "111122223333", "aws-dev")))  # type: ignore[no-any-return]  # JSON


def statements() -> list[Any]:
    return [statement for document in documents().values() for statement in document["Statement"]]


def allowed() -> set[str]:
    return {action for statement in statements() for action in statement["Action"]}


def test_every_action_exists_and_is_allowed_once() -> None:
    services = Loader()  # keeps what it has read
    for action in allowed() - NOT_OPERATIONS:
        service, _, operation = action.partition(":")
        assert operation in services.load_service_model(service, "service-2")["operations"], action
    names = [statement["Sid"] for statement in statements()]
    assert len(names) == len(set(names))


def test_what_is_allowed_everywhere_only_looks_or_is_bounded_by_a_condition() -> None:
    for statement in statements():
        verbs = {action.partition(":")[2] for action in statement["Action"]}
        looks = all(verb.startswith(("Describe", "Get", "List")) for verb in verbs)
        everywhere = any(resource == "*" or resource.endswith(":*") for resource in statement["Resource"])
        assert looks or not everywhere or statement.get("Condition"), statement["Sid"]


@pytest.mark.parametrize(
    "sid", ["CreateInOwnedNetwork", "ModifyOwned", "ModifyRoles", "WriteRolePolicies", "ManageOwnedKeys"]
)
def test_what_is_there_is_touched_only_where_it_bears_the_stacks_tag(sid: str) -> None:
    (statement,) = [one for one in statements() if one["Sid"] == sid]
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/stack": "aws-dev"}}


def test_everything_made_bears_that_tag() -> None:
    for sid in ("CreateTagged", "CreateKeys"):
        (statement,) = [one for one in statements() if one["Sid"] == sid]
        assert statement["Condition"] == {"StringEquals": {"aws:RequestTag/stack": "aws-dev"}}


def test_the_bucket_that_may_be_made_is_the_stacks_own() -> None:
    patterns = [one["Resource"][0] for one in statements() if one["Sid"].endswith("Bucket")]
    assert patterns == [f"arn:aws:s3:::elastic-vllm-aws-dev-weights-*{of}" for of in ("", "/*")]
    begins = recorded("aws-dev").named("weights-bucket").inputs["bucketPrefix"]
    assert fnmatchcase(f"arn:aws:s3:::{begins}20261125", patterns[0])
    assert len(bucket_prefix("a-stack-with-quite-a_Long-name")) == 37


def test_each_document_fits_in_a_managed_policy() -> None:
    for document in documents().values():
        assert 1000 < len(json.dumps(document, separators=(",", ":"))) < MANAGED_POLICY_CHARACTERS


def test_another_stack_another_account_and_another_partition_are_another_policy() -> None:
    text = json.dumps(deployer("us-gov-west-1", "999988887777", "mine"))
    assert "elastic-vllm-mine" in text
    assert "arn:aws-us-gov:" in text
    assert "111122223333" not in text
    assert "arn:aws:" not in text


def test_google_s_roles_are_those_of_the_docs_and_each_is_for_something_that_is_planned() -> None:
    page = (ROOT / "docs" / "gcp.md").read_text()
    table = "\n".join(f"| `{role}` | {purpose} |" for role, purpose in ROLES.items())
    assert table in page
    items = [item for stack in GCP_STACKS for item in google(on_google(stack))]
    planned = {item.type.partition(":")[2].partition("/")[0] for item in items}
    assert planned == {"compute", "container", "kms", "projects", "serviceaccount", "storage"}


def test_google_s_deployer_may_give_the_nodes_roles_and_no_others() -> None:
    condition = grant_condition(NODE_ROLES)
    assert condition.count("'roles/") == len(NODE_ROLES)
    assert "roles/owner" not in condition


def ours(account: str) -> dict[str, Any]:
    """The deployer's policies and the boundary, as JSON."""
    policies = deployer("eu-central-1", account, "aws-dev")
    both = {**policies, "boundary": boundary("eu-central-1", account, "aws-dev")}
    return json.loads(json.dumps(both))  # type: ignore[no-any-return]  # JSON


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["deployer", *arguments])


def test_the_command_writes_each_policy_to_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    assert call("-s", "aws-dev", "--account", "123456789012", "--output", str(folder)).exit_code == 0
    written = {path.stem: json.loads(path.read_text()) for path in folder.iterdir()}
    assert written == ours("123456789012")


def test_the_command_prints_all_policies_as_one_document() -> None:
    shown = json.loads(call("-s", "aws-dev", "--account", "123456789012").stdout)
    assert shown == ours("123456789012")


def test_on_google_cloud_the_command_prints_lines_for_a_shell() -> None:
    shown = call("-s", "gcp-prod", "--account", "acme-inference").stdout
    assert shown.count("add-iam-policy-binding acme-inference") == len(ROLES)


def test_a_local_stack_needs_no_permissions() -> None:
    assert call("--account", "any").stdout == "local stacks need no cloud permissions\n"


@pytest.mark.parametrize(
    ("stack", "account", "problem"),
    [
        ("aws-dev", "12345678901", "'12345678901' is no AWS account id"),
        ("aws-dev", "nonsense", "'nonsense' is no AWS account id"),
        ("gcp-dev", "123456789012", "stack gcp-dev is in the project acme-inference-dev"),
    ],
)
def test_an_account_that_cannot_be_the_stacks_is_refused(stack: str, account: str, problem: str) -> None:
    refused = call("-s", stack, "--account", account)
    assert isinstance(refused.exception, FleetError)
    assert refused.exception.problem.startswith(problem)
    assert refused.stdout == ""


def test_there_is_no_account_by_default() -> None:
    assert call("-s", "aws-dev").exit_code == 2
