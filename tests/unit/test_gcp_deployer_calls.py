"""The Google Cloud deployer, evaluated: every call of the stacks passes; ways to more rights do not."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from elastic_vllm.clouds.gcp.deployer import commands
from elastic_vllm.clouds.gcp.identity import NODE_ROLES
from elastic_vllm.spec import GcpCluster
from tests.gcp import EXISTING, STACKS, build, cluster, google, recorded

PROJECT = "acme-inference"
NODES = f"gke-nodes@{PROJECT}.iam.gserviceaccount.com"
BUCKET = "gs://acme-models"
OTHER = f"owner@{PROJECT}.iam.gserviceaccount.com"
TABLE: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("gcp_calls.yaml").read_text())


@dataclass(frozen=True)
class Grant:
    """A role of the deployer; in the project, or on one service account."""

    role: str
    on: str
    roles_that_it_may_grant: frozenset[str] | None = None
    """Of its condition; None where there is none."""


@cache
def grants(node_account: str | None) -> tuple[Grant, ...]:
    """What the printed commands give to the deployer."""
    return tuple(_parsed(commands(cluster(nodeServiceAccount=node_account), NODE_ROLES)))


def _parsed(lines: Iterator[str]) -> Iterator[Grant]:
    for line in lines:
        if line.startswith("#"):
            continue
        words = shlex.split(line)
        options = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--"))
        if options.get("member") != "$DEPLOYER":
            continue
        listed = re.search(r"hasOnly\(\[(.*)\]\)", options.get("condition", ""))
        only = frozenset(re.findall(r"'([^']+)'", listed.group(1))) if listed else None
        on = PROJECT if words[1] == "projects" else words[4]
        yield Grant(options["role"], on, only)


def allows(held: tuple[Grant, ...], permission: str, on: str = PROJECT, granting: str | None = None) -> bool:
    """Whether a grant includes the permission there; one in the project reaches all that is in it."""
    return any(
        permission in TABLE["roles"][grant.role]
        and grant.on in (PROJECT, on)
        and (grant.roles_that_it_may_grant is None or granting in grant.roles_that_it_may_grant)
        for grant in held
    )


def needed(node_account: str | None) -> Iterator[tuple[str, str, str | None]]:
    """Every call of the stacks, as a permission, where it is asked for, and the role that it grants."""
    own = {"serviceaccount/account:Account", "projects/iAMMember:IAMMember"} if node_account else set()
    kinds = {item.type.removeprefix("gcp:") for stack in STACKS for item in google(recorded(stack))}
    kinds |= {"compute/firewall:Firewall"}  # of stacks with replicas that span nodes
    assert kinds <= set(TABLE["needs"]), f"no permissions are listed for {kinds - set(TABLE['needs'])}"
    yield from _calls(kinds - own)


def _calls(kinds: set[str]) -> Iterator[tuple[str, str, str | None]]:
    for kind in sorted(kinds):
        for entry in TABLE["needs"][kind]:
            permission, _, on = entry.partition("@")
            setting = permission == "resourcemanager.projects.setIamPolicy"
            for role in NODE_ROLES if setting else (NODE_ROLES[0],):
                yield permission, on.format(nodes=NODES, bucket=BUCKET) or PROJECT, role


@pytest.mark.parametrize("account", [None, NODES])
def test_every_call_of_the_stacks_is_allowed(account: str | None) -> None:
    calls = list(needed(account))
    assert len(calls) > 40
    assert [call for call in calls if not allows(grants(account), *call)] == []


@pytest.mark.parametrize("account", [None, NODES])
def test_without_any_one_role_a_call_is_refused(account: str | None) -> None:
    for grant in grants(account):
        rest = tuple(one for one in grants(account) if one != grant)
        assert [call for call in needed(account) if not allows(rest, *call)], grant.role


LANDING_ZONE: Mapping[str, Any] = {
    "cloud": "gcp",
    "project": PROJECT,
    "region": "europe-west4",
    "existing": {"name": "platform", "endpoint": "gke-1a2b-1.europe-west4.gke.goog"},
    "nodeServiceAccount": NODES,
}
IN_BUCKET = {"bucket": "acme-models", "projectNumber": 1}


@pytest.mark.parametrize("keys", [{}, IN_BUCKET])
def test_on_a_cluster_that_exists_every_call_is_allowed_and_each_role_is_for_one(keys: Any) -> None:
    section = {**LANDING_ZONE, **keys}
    held = tuple(_parsed(commands(GcpCluster.model_validate(section), NODE_ROLES)))
    kinds = {item.type.removeprefix("gcp:") for item in google(build(EXISTING, cluster=section))}
    calls = list(_calls(kinds))
    assert [call for call in calls if not allows(held, *call)] == []
    for grant in held:
        rest = tuple(one for one in held if one != grant)
        assert [call for call in calls if not allows(rest, *call)], grant.role
    assert [way for way, call in ESCALATIONS.items() if allows(held, *call)] == []


def test_the_deployer_of_weights_that_exist_reaches_no_other_bucket() -> None:
    section = GcpCluster.model_validate({**LANDING_ZONE, **IN_BUCKET})
    held = tuple(_parsed(commands(section, NODE_ROLES)))
    assert allows(held, "storage.buckets.setIamPolicy", BUCKET)
    assert not allows(held, "storage.buckets.setIamPolicy", "gs://another")
    assert not allows(held, "storage.buckets.create")


ESCALATIONS = {
    "act as another account of the project": ("iam.serviceAccounts.actAs", OTHER, None),
    "grant itself a right over another account": ("iam.serviceAccounts.setIamPolicy", OTHER, None),
    "grant itself a right over the nodes' account": ("iam.serviceAccounts.setIamPolicy", NODES, None),
    "make an account": ("iam.serviceAccounts.create", PROJECT, None),
    "make itself an owner": ("resourcemanager.projects.setIamPolicy", PROJECT, "roles/owner"),
    "make a key of an account": ("iam.serviceAccountKeys.create", OTHER, None),
    "sign as an account": ("iam.serviceAccounts.signJwt", OTHER, None),
    "read what the key encrypted": ("cloudkms.cryptoKeyVersions.useToDecrypt", PROJECT, None),
}


@pytest.mark.parametrize("way", ESCALATIONS)
def test_with_an_account_of_ones_own_no_way_to_more_rights_is_allowed(way: str) -> None:
    assert not allows(grants(NODES), *ESCALATIONS[way])


def test_without_one_the_deployer_reaches_every_account_and_still_no_owner() -> None:
    assert allows(grants(None), *ESCALATIONS["act as another account of the project"])
    assert not allows(grants(None), *ESCALATIONS["make itself an owner"])


def test_a_stack_with_an_account_of_ones_own_makes_none_and_runs_its_nodes_as_it() -> None:
    graph = build(
        "gcp-prod",
        cluster={"cloud": "gcp", "project": PROJECT, "region": "europe-west4", "nodeServiceAccount": NODES},
    )
    types = {item.type for item in google(graph)}
    assert "gcp:serviceaccount/account:Account" not in types
    assert "gcp:projects/iAMMember:IAMMember" not in types
    pools = graph.of_type("gcp:container/nodePool:NodePool")
    assert {item.inputs["nodeConfig"]["serviceAccount"] for item in pools} == {NODES}  # type: ignore[index]  # as read
