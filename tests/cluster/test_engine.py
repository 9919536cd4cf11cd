"""The embedded engine on a real apiserver: what it changes, and what it leaves alone."""

from collections.abc import Callable

import pulumi
import pytest
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.values import mapping
from fleet.embedded import engine
from fleet.embedded.engine.changes import Action
from fleet.kube.objects import PART_OF, Ref, annotation, label, metadata
from tests.cluster import tiny_stack
from tests.cluster.tiny_stack import Builder, TinyStack, data

pytestmark = pytest.mark.cluster


def two_maps(build: Builder) -> None:
    first = build.config_map("first", {"value": "1"})
    build.config_map("second", {"uid": first.metadata["uid"]})


def nothing(build: Builder) -> None:
    """A program that declares no object."""


def workload(build: Builder) -> None:
    build.secret("keys", "not-marked")
    build.service("web")
    build.deployment("web", args=["serve", "--port", "8000"])


def test_a_second_up_changes_nothing(stack: TinyStack) -> None:
    def program(build: Builder) -> None:
        two_maps(build)
        workload(build)

    stack.up(program)
    versions = stack.versions()
    again = stack.up(program)
    assert again.did() == {}
    assert len(again.changes) == 5
    assert stack.versions() == versions
    assert len(versions) == 6


def test_what_one_object_is_given_by_the_server_reaches_the_next(stack: TinyStack) -> None:
    stack.up(two_maps)
    assert data(stack.config_map("second")) == {"uid": metadata(stack.config_map("first"))["uid"]}


def test_an_edit_is_previewed_as_exactly_its_field_path_and_preview_writes_nothing(stack: TinyStack) -> None:
    def edited(build: Builder) -> None:
        build.secret("keys", "not-marked")
        build.service("web")
        build.deployment("web", args=["serve", "--port", "9000"])

    stack.up(workload)
    versions = stack.versions()
    preview = stack.preview(edited)
    (change,) = [change for change in preview.changes if change.action != Action.UNCHANGED]
    assert change.lines() == [
        f"~ update Deployment {stack.namespace}/web",
        '    spec.template.spec.containers[main].args[2]: "8000" → "9000"',
    ]
    assert stack.versions() == versions
    stack.up(edited)
    assert stack.preview(edited).did() == {}


def test_a_preview_of_a_new_stack_creates_nothing(stack: TinyStack) -> None:
    preview = stack.preview(two_maps)
    assert preview.did() == {"ConfigMap first": Action.CREATE, "ConfigMap second": Action.CREATE}
    assert stack.object("ConfigMap", "first") is None
    assert engine.owner(stack.ref.kubeconfig, stack.ref.name) is None


def test_a_preview_says_what_only_an_update_can_tell(stack: TinyStack) -> None:
    def third(build: Builder) -> None:
        first = build.config_map("first", {"value": "1"})
        new = build.config_map("new", {"value": "1"})
        build.config_map("second", {"uid": new.metadata["uid"], "known": first.metadata["uid"]})

    stack.up(two_maps)
    uid = metadata(stack.config_map("first"))["uid"]
    (change,) = [c for c in stack.preview(third).changes if c.ref.name == "second"]
    assert change.lines()[1:] == [
        f'    data.known: (none) → "{uid}"',
        f'    data.uid: "{uid}" → (known after up)',
    ]


def test_a_removed_object_is_pruned_and_leaves_the_inventory(stack: TinyStack) -> None:
    def one(build: Builder) -> None:
        build.config_map("first", {"value": "1"})

    stack.up(two_maps)
    assert stack.preview(one).did() == {"ConfigMap second": Action.DELETE}
    assert stack.up(one).did() == {"ConfigMap second": Action.DELETE}
    assert stack.object("ConfigMap", "second") is None
    assert stack.members() == {"ConfigMap first"}


def test_deletion_goes_against_the_order_of_dependencies(stack: TinyStack) -> None:
    def chain(build: Builder) -> None:
        last = build.config_map("a", {})
        for name in ("b", "c", "d"):
            last = build.config_map(name, {}, pulumi.ResourceOptions(depends_on=[last]))

    stack.up(chain)
    assert [change.ref.name for change in stack.destroy().changes] == ["d", "c", "b", "a"]
    assert engine.owner(stack.ref.kubeconfig, stack.ref.name) is None


def test_a_program_that_fails_prunes_nothing_and_keeps_what_it_applied(stack: TinyStack) -> None:
    def failing(build: Builder) -> None:
        third = build.config_map("third", {"value": "1"})
        empty: dict[str, str] = {}
        build.config_map("wrong", {"value": third.id.apply(lambda _: empty["missing"])})

    stack.up(two_maps)
    with pytest.raises(EngineError, match="the program failed: KeyError: 'missing'") as failure:
        stack.up(failing)
    assert failure.value.__context__ is None
    assert stack.object("ConfigMap", "first") is not None
    assert stack.object("ConfigMap", "third") is not None
    assert {"ConfigMap first", "ConfigMap second", "ConfigMap third"} <= stack.members()


def test_a_change_of_an_immutable_field_replaces_the_object(stack: TinyStack) -> None:
    def selected(build: Builder) -> None:
        build.secret("keys", "not-marked")
        build.service("web")
        build.deployment("web", args=["serve", "--port", "8000"], app="other")

    stack.up(workload)
    uid = metadata(stack.object("Deployment", "web", "apps/v1") or {})["uid"]
    preview = stack.preview(selected)
    assert preview.did() == {"Deployment web": Action.REPLACE}
    assert '    spec.selector.matchLabels.app: "web" → "other"  (forces replacement)' in preview.lines
    assert metadata(stack.object("Deployment", "web", "apps/v1") or {})["uid"] == uid
    assert stack.up(selected).did() == {"Deployment web": Action.REPLACE}
    assert metadata(stack.object("Deployment", "web", "apps/v1") or {})["uid"] != uid


@pytest.mark.parametrize(
    ("option", "name"),
    [
        (pulumi.ResourceOptions(protect=True), "protect"),
        (pulumi.ResourceOptions(retain_on_delete=True), "retainOnDelete"),
    ],
)
def test_an_object_that_is_to_be_kept_is_not_replaced(
    stack: TinyStack, option: pulumi.ResourceOptions, name: str
) -> None:
    def program(build: Builder, app: str) -> None:
        build.deployment("web", args=[], app=app, opts=option)

    stack.up(lambda build: program(build, "one"))
    for run in (stack.preview, stack.up):
        with pytest.raises(EngineError, match=f"spec.selector cannot change in place, but it has {name}"):
            run(lambda build: program(build, "other"))
    assert stack.object("Deployment", "web", "apps/v1") is not None


def test_ignored_changes_keep_the_live_value(stack: TinyStack) -> None:
    def program(build: Builder, value: str) -> None:
        opts = pulumi.ResourceOptions(ignore_changes=["data.ignored", 'metadata.labels["a.b/c"]'])
        build.config_map("map", {"ignored": value, "seen": value}, opts)

    stack.up(lambda build: program(build, "1"))
    live = stack.config_map("map")
    ref = Ref(api_version="v1", kind="ConfigMap", namespace=stack.namespace, name="map")
    stack.api.merge(ref, {"data": {"ignored": "of another"}, "metadata": {"labels": {"a.b/c": "d"}}})
    changed = stack.up(lambda build: program(build, "2"))
    assert [str(field) for field in changed.changes[0].fields] == ['data.seen: "1" → "2"']
    assert data(stack.config_map("map")) == {"ignored": "of another", "seen": "2"}
    assert label(stack.config_map("map"), "a.b/c") == "d"
    assert metadata(stack.config_map("map"))["uid"] == metadata(live)["uid"]


def test_a_protected_object_is_neither_pruned_nor_destroyed(stack: TinyStack) -> None:
    def program(build: Builder) -> None:
        build.config_map("kept", {}, pulumi.ResourceOptions(protect=True))
        build.config_map("other", {})

    stack.up(program)
    versions = stack.versions()
    runs: tuple[Callable[[], object], ...] = (
        lambda: stack.up(nothing),
        lambda: stack.preview(nothing),
        stack.destroy,
    )
    for run in runs:
        with pytest.raises(EngineError, match=f"protected, so not deleted: ConfigMap {stack.namespace}/kept"):
            run()
    assert stack.versions() == versions


def test_a_retained_object_is_left_in_place_and_said_so(stack: TinyStack) -> None:
    def program(build: Builder) -> None:
        build.config_map("kept", {"value": "1"}, pulumi.ResourceOptions(retain_on_delete=True))
        build.config_map("gone", {})

    stack.up(program)
    destroyed = stack.destroy()
    assert destroyed.did() == {"ConfigMap kept": Action.RETAIN, "ConfigMap gone": Action.DELETE}
    assert f"· leave in place ConfigMap {stack.namespace}/kept  (retainOnDelete)" in destroyed.lines
    assert label(stack.config_map("kept"), PART_OF) == ""
    assert engine.owner(stack.ref.kubeconfig, stack.ref.name) is None


def test_the_namespace_of_a_retained_object_is_retained_with_it(stack: TinyStack) -> None:
    name = f"{stack.namespace}-own"

    def program(build: Builder) -> None:
        home = Namespace("home", metadata={"name": name}, opts=build.options())
        inside = Builder(name, build.provider)
        inside.config_map("kept", {}, pulumi.ResourceOptions(retain_on_delete=True, depends_on=[home]))

    stack.up(program)
    assert stack.destroy().did() == {"ConfigMap kept": Action.RETAIN, f"Namespace {name}": Action.RETAIN}
    ref = Ref(api_version="v1", kind="Namespace", namespace="", name=name)
    live = stack.api.get(ref)
    assert live is not None
    stack.api.delete(ref, uid=str(metadata(live)["uid"]), policy="Background")


def test_a_renamed_resource_keeps_its_object(stack: TinyStack) -> None:
    def program(build: Builder, name: str, aliases: list[pulumi.Alias]) -> None:
        opts = build.options(pulumi.ResourceOptions(aliases=aliases))
        ConfigMap(name, metadata=build.metadata("map"), data={"value": "1"}, opts=opts)

    stack.up(lambda build: program(build, "old", []))
    uid = metadata(stack.config_map("map"))["uid"]
    assert stack.up(lambda build: program(build, "new", [pulumi.Alias(name="old")])).did() == {}
    assert metadata(stack.config_map("map"))["uid"] == uid


def test_a_custom_resource_can_come_with_its_definition(stack: TinyStack) -> None:
    group = f"{stack.namespace}.example.com"

    def program(build: Builder) -> None:
        definition = CustomResourceDefinition(
            "definition",
            metadata={"name": f"things.{group}"},
            spec={
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "open_apiv3_schema": {
                                "type": "object",
                                "x_kubernetes_preserve_unknown_fields": True,
                            }
                        },
                    }
                ],
            },
            opts=build.options(),
        )
        CustomResource(
            "thing",
            api_version=f"{group}/v1",
            kind="Thing",
            metadata=build.metadata("thing"),
            spec={"size": 3},
            opts=build.options(pulumi.ResourceOptions(depends_on=[definition])),
        )

    assert stack.preview(program).did() == {
        f"CustomResourceDefinition things.{group}": Action.CREATE,
        "Thing thing": Action.CREATE,
    }
    stack.up(program)
    thing = stack.object("Thing", "thing", f"{group}/v1")
    assert thing is not None
    assert mapping(thing.get("spec")) == {"size": 3}
    assert stack.up(program).did() == {}
    assert [change.ref.kind for change in stack.destroy().changes] == ["Thing", "CustomResourceDefinition"]


def test_the_inventory_is_an_applyset(stack: TinyStack) -> None:
    stack.up(workload)
    parent = stack.api.get(tiny_stack.inventory_ref(stack.ref.name))
    assert parent is not None
    group_kinds = annotation(parent, "applyset.kubernetes.io/contains-group-kinds")
    assert group_kinds == "Deployment.apps,Secret,Service"
    assert annotation(parent, "applyset.kubernetes.io/additional-namespaces") == stack.namespace
    identity = label(parent, "applyset.kubernetes.io/id")
    assert label(stack.object("Service", "web") or {}, PART_OF) == identity


def test_a_rollout_that_cannot_finish_says_why(stack: TinyStack) -> None:
    def program(build: Builder) -> None:
        Deployment(
            "stuck",
            metadata={
                "name": "stuck",
                "namespace": build.namespace,
                "annotations": {"pulumi.com/timeoutSeconds": "3"},
            },
            spec={
                "selector": {"match_labels": {"app": "stuck"}},
                "template": {
                    "metadata": {"labels": {"app": "stuck"}},
                    "spec": {
                        "node_selector": {"nowhere": "at-all"},
                        "containers": [{"name": "main", "image": "example.com/none:1"}],
                    },
                },
            },
            opts=build.options(),
        )

    with pytest.raises(EngineError, match=r"/stuck is not ready after 3 s: 0 of 1 replicas") as failure:
        stack.up(program)
    assert "has no node: Unschedulable" in str(failure.value)
    assert "Deployment stuck" in stack.members()
