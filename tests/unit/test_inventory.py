"""The inventory is an ApplySet that survives writing and reading, and says in which order to delete."""

from fleet.embedded.engine.inventory import Inventory, Member, applyset_id, deletion_layers, parent
from fleet.kube.objects import Ref


def member(kind: str, name: str, *dependencies: str, namespace: str = "n", group: str = "v1") -> Member:
    ref = Ref(api_version=group, kind=kind, namespace=namespace, name=name)
    return Member(ref=ref, urn=f"urn:{name}", dependencies=tuple(f"urn:{item}" for item in dependencies))


def names(layers: list[list[Member]]) -> list[list[str]]:
    return [[item.ref.name for item in layer] for layer in layers]


def test_the_id_is_the_one_that_the_kep_prescribes() -> None:
    # sha256("elastic-vllm-local.default.ConfigMap."), base64url without padding
    assert applyset_id(parent("local")) == "applyset-JNyHj7Bf7WZJlf18dmUc50bgurVg4MTKEye3IqgZn_s-v1"


def test_the_parents_of_two_stacks_differ() -> None:
    assert applyset_id(parent("one")) != applyset_id(parent("two"))


def test_dependants_go_before_what_they_depend_on() -> None:
    members = [member("A", "base"), member("A", "middle", "base"), member("A", "leaf", "middle")]
    assert names(deletion_layers(members)) == [["leaf"], ["middle"], ["base"]]


def test_what_is_independent_goes_together() -> None:
    assert names(deletion_layers([member("A", "one"), member("A", "two")])) == [["one", "two"]]


def test_a_namespace_goes_after_its_objects_without_a_declared_dependency() -> None:
    members = [member("Namespace", "n", namespace=""), member("ConfigMap", "map")]
    assert names(deletion_layers(members)) == [["map"], ["n"]]


def test_a_definition_goes_after_its_custom_resources() -> None:
    definition = member("CustomResourceDefinition", "things.example.com", namespace="")
    thing = member("Thing", "thing", group="example.com/v1")
    assert names(deletion_layers([definition, thing])) == [["thing"], ["things.example.com"]]


def test_members_that_depend_on_one_another_in_a_circle_still_go() -> None:
    members = [member("A", "one", "two"), member("A", "two", "one"), member("A", "leaf", "one")]
    assert names(deletion_layers(members)) == [["leaf"], ["one", "two"]]


def test_two_objects_of_one_resource_are_both_deleted() -> None:
    """A renamed object: a killed run leaves the old and the new one under the same URN."""
    old = member("A", "old")
    new = Member(ref=Ref(api_version="v1", kind="A", namespace="n", name="new"), urn=old.urn)
    assert sorted(names(deletion_layers([old, new]))[0]) == ["new", "old"]


def test_two_versions_of_an_api_name_one_member() -> None:
    old = member("Deployment", "d", group="apps/v1beta1")
    new = member("Deployment", "d", group="apps/v1")
    inventory = Inventory().with_members([old]).with_members([new])
    assert list(inventory.members.values()) == [new]


def test_a_superset_keeps_the_old_members_and_only_drops_them() -> None:
    old, new = member("A", "old"), member("A", "new")
    both = Inventory({old.ref.key: old}, "7").with_members([new])
    assert set(both.members.values()) == {old, new}
    assert both.resource_version == "7"
    assert list(both.only([new]).members.values()) == [new]
