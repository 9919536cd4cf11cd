"""The difference between two plans: what becomes of each resource, and whether anybody can know."""

import pytest
from pydantic import JsonValue

from fleet.plan import difference
from fleet.plan.document import Resource, ResourceChange
from fleet.plan.replacing import replacement
from tests.plans import finding, resource, urn

VPC = "aws:ec2/vpc:Vpc"


def only(*changes: ResourceChange) -> ResourceChange:
    assert len(changes) == 1
    return changes[0]


def test_what_is_new_is_added_what_is_gone_removed_and_what_is_alike_not_told() -> None:
    same = resource("same", spec={"replicas": 1})
    changes = difference.resources([same, resource("old")], [same, resource("new")])
    assert [(change.action, change.name) for change in changes] == [("add", "new"), ("remove", "old")]


def test_a_changed_field_is_named_by_its_path_with_both_values() -> None:
    change = only(*difference.resources([resource(spec={"replicas": 1})], [resource(spec={"replicas": 2})]))
    assert (change.action, change.replacement) == ("change", "no")
    (field,) = change.fields
    assert (field.path, field.before, field.after) == ("spec.replicas", 1, 2)


def test_a_word_of_a_command_line_is_told_with_its_option() -> None:
    def serving(length: str) -> list[JsonValue]:
        return ["serve", "--max-model-len", length]

    before, after = (resource(spec={"args": serving(length)}) for length in ("16384", "8192"))
    (field,) = only(*difference.resources([before], [after])).fields
    assert (field.path, field.option) == ("spec.args[2]", "--max-model-len")


def test_an_immutable_field_of_kubernetes_replaces_the_object() -> None:
    before = resource(spec={"selector": {"matchLabels": {"app": "a"}}})
    after = resource(spec={"selector": {"matchLabels": {"app": "b"}}})
    change = only(*difference.resources([before], [after]))
    assert (change.action, change.replacement) == ("replace", "yes")


@pytest.mark.parametrize(
    ("kind", "path", "answer"),
    [
        ("kubernetes:apps/v1:Deployment", "spec.template.spec.containers[vllm].args[3]", "no"),
        ("kubernetes:apps/v1:Deployment", 'spec.selector.matchLabels["app.kubernetes.io/name"]', "yes"),
        ("kubernetes:core/v1:Service", "metadata.name", "yes"),
        ("kubernetes:core/v1:Service", "metadata.namespaces", "no"),
        ("kubernetes:karpenter.sh/v1:NodePool", "spec.limits.nodes", "no"),
        (VPC, "cidrBlock", "yes"),
        (VPC, "tags.team", "no"),
        ("aws:eks/cluster:Cluster", "version", "no"),
        ("aws:eks/cluster:Cluster", "accessConfig.authenticationMode", "no"),
        ("aws:eks/cluster:Cluster", "accessConfig.bootstrapClusterCreatorAdminPermissions", "yes"),
        ("aws:eks/nodeGroup:NodeGroup", "instanceTypes[0]", "yes"),
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig.minSize", "no"),
        ("gcp:compute/network:Network", "autoCreateSubnetworks", "maybe"),
        ("pulumi:providers:aws", "region", "maybe"),
    ],
)
def test_what_replaces_is_said_where_it_is_known_and_only_there(kind: str, path: str, answer: str) -> None:
    assert replacement(kind, path) == answer


def test_a_change_that_may_replace_stays_a_change_that_says_so() -> None:
    kind = "gcp:compute/network:Network"
    change = only(*difference.resources([resource("net", kind, mtu=1)], [resource("net", kind, mtu=2)]))
    assert (change.action, change.replacement) == ("change", "maybe")


def test_a_replacement_counts_the_resources_that_read_from_it() -> None:
    def network(cidr: str) -> list[Resource]:
        vpc = resource("vpc", VPC, cidrBlock=cidr)
        return [vpc, resource("subnet", "aws:ec2/subnet:Subnet", reads=(vpc.urn,), vpcId="<vpc.id>")]

    change = only(*difference.resources(network("10.0.0.0/16"), network("10.1.0.0/16")))
    assert (change.name, change.action, change.readers) == ("vpc", "replace", 1)


def test_what_was_protected_is_marked_when_it_would_go() -> None:
    change = only(*difference.resources([resource("vpc", VPC, protect=True)], []))
    assert (change.action, change.protected) == ("remove", True)


def test_a_resource_that_moved_by_an_alias_is_the_same_one() -> None:
    moved = resource("new", aliases=(urn("old", "kubernetes:apps/v1:Deployment"),), spec={"replicas": 2})
    change = only(*difference.resources([resource("old", spec={"replicas": 1})], [moved]))
    assert (change.action, change.name, [field.path for field in change.fields]) == (
        "change",
        "new",
        ["spec.replicas"],
    )


def test_an_ignored_property_is_no_change() -> None:
    before = resource(spec={"replicas": 1})
    after = resource(spec={"replicas": 2}).model_copy(update={"ignore_changes": ("spec.replicas",)})
    assert difference.resources([before], [after]) == ()


def test_a_finding_with_other_figures_or_at_another_index_is_the_same_finding() -> None:
    before = [finding(key="models[0].engine.maxModelLen", message="30 GiB")]
    after = [finding(key="models[1].engine.maxModelLen", message="31 GiB"), finding("other")]
    assert [item.id for item in difference.gained(before, after)] == ["other"]
    assert difference.gained(after, before) == ()
