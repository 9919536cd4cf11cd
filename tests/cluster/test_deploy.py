"""Deployments by the real Pulumi CLI to a real apiserver: what they change, and what they leave alone."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pulumi
import pytest
from pulumi_kubernetes.apps.v1 import Deployment

from elastic_vllm.testing.values import items, mapping
from fleet.deploy import backend
from fleet.deploy.changes import Action
from fleet.deploy.lock import stack_lock
from fleet.errors import DeployError
from fleet.kube.errors import KubeError
from fleet.kube.objects import Object, Ref, metadata
from tests.cluster import tiny_stack
from tests.cluster.leaks import holds
from tests.cluster.objects import delete
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
    assert len(again.changes) == 6, "five objects and their provider"
    assert stack.versions() == versions
    assert len(versions) == 5


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
    assert stack.members() == set()


def test_a_preview_says_what_only_an_update_can_tell(stack: TinyStack) -> None:
    def third(build: Builder) -> None:
        first = build.config_map("first", {"value": "1"})
        new = build.config_map("new", {"value": "1"})
        build.config_map("second", {"uid": new.id, "known": first.metadata["uid"]})

    stack.up(two_maps)
    uid = metadata(stack.config_map("first"))["uid"]
    (change,) = [c for c in stack.preview(third).changes if c.subject.endswith("/second")]
    assert change.lines()[1:] == [
        f'    data.known: (none) → "{uid}"',
        f'    data.uid: "{uid}" → (known after up)',
    ]


def test_a_removed_object_is_deleted_and_leaves_the_state(stack: TinyStack) -> None:
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
    gone = [
        change.subject[-1] for change in stack.destroy().changes if change.subject.startswith("ConfigMap")
    ]
    assert gone == ["d", "c", "b", "a"]
    assert stack.members() == set()


def test_a_program_that_fails_deletes_nothing_and_keeps_what_it_made(stack: TinyStack) -> None:
    def failing(build: Builder) -> None:
        third = build.config_map("third", {"value": "1"})
        empty: dict[str, str] = {}
        build.config_map("wrong", {"value": third.id.apply(lambda _: empty["missing"])})

    stack.up(two_maps)
    with pytest.raises(DeployError, match=r"^the program failed: KeyError: 'missing' \(test_deploy.py, line"):
        stack.up(failing)
    assert stack.object("ConfigMap", "first") is not None
    assert {"ConfigMap first", "ConfigMap second", "ConfigMap third"} <= stack.members()
    assert stack.up(two_maps).did() == {"ConfigMap third": Action.DELETE}


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


def test_a_protected_object_is_not_deleted(stack: TinyStack) -> None:
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
        with pytest.raises(DeployError, match=r"(?s)^ConfigMap \S+/kept: .*because it is protected"):
            run()
        assert stack.versions()["ConfigMap kept"] == versions["ConfigMap kept"]


def test_a_retained_object_is_left_in_place_and_said_so(stack: TinyStack) -> None:
    def program(build: Builder) -> None:
        build.config_map("kept", {"value": "1"}, pulumi.ResourceOptions(retain_on_delete=True))
        build.config_map("gone", {})

    stack.up(program)
    destroyed = stack.destroy()
    assert destroyed.did() == {"ConfigMap kept": Action.RETAIN, "ConfigMap gone": Action.DELETE}
    assert f"· leave in place ConfigMap {stack.namespace}/kept  (retainOnDelete)" in destroyed.lines
    assert data(stack.config_map("kept")) == {"value": "1"}
    assert stack.members() == set()


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

    with pytest.raises(DeployError, match=f"^Deployment {stack.namespace}/stuck: ") as failure:
        stack.up(program)
    assert "Unschedulable" in str(failure.value) or "available" in str(failure.value)
    assert "Deployment stuck" in stack.members()


def applied_by(stack: TinyStack, manager: str, name: str, values: Mapping[str, str]) -> None:
    """An object that somebody else put into the stack's namespace."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": values}
    query = {"fieldManager": manager, "force": "true"}
    path = f"/api/v1/namespaces/{stack.namespace}/configmaps/{name}"
    stack.api.send("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")


def one_map(build: Builder) -> None:
    build.config_map("map", {"value": "ours"})


def test_a_refresh_finds_what_was_deleted_and_the_next_up_makes_it_again(stack: TinyStack) -> None:
    stack.up(two_maps)
    ref = Ref(api_version="v1", kind="ConfigMap", namespace=stack.namespace, name="second")
    delete(stack.api, ref)
    assert stack.refresh().did() == {"ConfigMap second": Action.DELETE}
    assert stack.up(two_maps).did() == {"ConfigMap second": Action.CREATE}


def test_up_with_refresh_makes_again_what_was_deleted(stack: TinyStack) -> None:
    stack.up(two_maps)
    ref = Ref(api_version="v1", kind="ConfigMap", namespace=stack.namespace, name="second")
    delete(stack.api, ref)
    stack.up(two_maps, refresh=True)
    assert data(stack.config_map("second"))


def test_up_with_refresh_takes_back_what_a_person_changed_and_names_the_field(stack: TinyStack) -> None:
    stack.up(one_map)
    applied_by(stack, "kubectl-edit", "map", {"value": "edited"})
    again = stack.up(one_map, refresh=True)
    assert '    data.value: "edited" → "ours"' in again.lines
    assert data(stack.config_map("map")) == {"value": "ours"}


def test_a_refusal_of_the_apiserver_is_one_error_that_names_object_and_field(stack: TinyStack) -> None:
    def wrong(build: Builder) -> None:
        first = build.config_map("first", {})
        opts = build.options(pulumi.ResourceOptions(depends_on=[first]))
        body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "no", "namespace": build.namespace},
        }
        spec = {"ports": [{"port": 80, "protocol": "CARRIER-PIGEON"}]}
        pulumi.CustomResource("kubernetes:core/v1:Service", "wrong", {**body, "spec": spec}, opts)

    with pytest.raises(
        DeployError, match=rf"^Service {stack.namespace}/no: .*spec.ports\[0\].protocol"
    ) as failure:
        stack.up(wrong)
    assert str(failure.value).count("CARRIER-PIGEON") <= 2
    assert "ConfigMap first" in stack.members()


def test_two_runs_on_one_stack_do_not_interleave(stack: TinyStack) -> None:
    stack.up(one_map)
    with stack_lock(stack.ref.home, stack.ref.name):
        runs: tuple[Callable[[], object], ...] = (lambda: stack.up(one_map), stack.destroy)
        for run in runs:
            with pytest.raises(DeployError, match="is being changed by process"):
                run()
    assert stack.up(one_map).did() == {}


def test_no_apiserver_is_one_error_with_the_next_step(stack: TinyStack, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    )
    elsewhere = tiny_stack.TinyStack(replace(stack.ref, kubeconfig=kubeconfig), stack.namespace)
    with pytest.raises(KubeError, match=r"no apiserver answers at http://127.0.0.1:1 .*fleet cluster up"):
        elsewhere.up(one_map)


def test_the_state_belongs_to_the_cluster_and_goes_with_the_stack(stack: TinyStack) -> None:
    """A cluster that is made anew has another uid: a state of the old one would show nothing to do."""
    stack.up(one_map)
    system = stack.api.get(Ref(api_version="v1", kind="Namespace", namespace="", name="kube-system"))
    assert backend.states(stack.ref).name == metadata(system or {})["uid"]
    assert backend.exists(stack.ref)
    stack.destroy()
    assert not backend.exists(stack.ref)
    assert stack.destroy().changes == []


def everything(stack: TinyStack) -> Iterator[tuple[str, Object]]:
    """All objects in the stack's namespace, of every kind that is served."""
    for version in ("v1", "apps/v1", "events.k8s.io/v1", "discovery.k8s.io/v1"):
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for kind in map(mapping, items(stack.api.send("GET", path).get("resources"))):
            if "list" in items(kind.get("verbs")) and kind.get("namespaced"):
                found = stack.api.list(version, str(kind["kind"]), stack.namespace)
                yield from ((str(kind["kind"]), item) for item in found)


def test_a_secret_is_in_its_object_alone_and_in_the_state_only_as_ciphertext(
    stack: TinyStack, capfd: pytest.CaptureFixture[str]
) -> None:
    canary, rotated = (f"canary-{token_hex(12)}" for _ in range(2))

    def program(build: Builder) -> None:
        key = pulumi.Config("elastic-vllm").require_secret("key")
        build.secret("keys", key)
        pulumi.log.warn(f"a careless program says {pulumi.runtime.get_config('elastic-vllm:key')}")

    def failing(build: Builder) -> None:
        program(build)
        raise ValueError(pulumi.runtime.get_config("elastic-vllm:key"))

    def with_key(value: str) -> TinyStack:
        key = "elastic-vllm:key"
        return TinyStack(replace(stack.ref, config={key: value}, secret_keys=(key,)), stack.namespace)

    recorders = [with_key(canary).preview(program), with_key(canary).up(program)]
    recorders += [with_key(rotated).preview(program), with_key(rotated).up(program)]
    with pytest.raises(DeployError) as failure:
        with_key(rotated).up(failing)
    said = "\n".join(line for recorder in recorders for line in [*recorder.lines, repr(recorder.changes)])
    printed = "".join(capfd.readouterr()) + repr(failure.value)
    kept = [path for path in stack.ref.home.rglob("*") if path.is_file()]
    objects = [(kind, item) for kind, item in everything(stack) if kind != "Secret"]
    assert len(kept) >= 4
    assert len(objects) >= 1
    for hidden in (canary, rotated):
        for place in (said, printed, repr(objects), *(path.read_text() for path in kept)):
            assert not holds(place, hidden)
    assert "data.key: [secret] → [secret]" in said
    assert "a careless program says [secret]" in said
    assert "ValueError: [secret]" in str(failure.value)
    assert data(stack.object("Secret", "keys") or {}) == {"key": tiny_stack.base64(rotated)}


def test_what_pulumi_keeps_here_is_for_this_user_only(stack: TinyStack) -> None:
    stack.up(one_map)
    place = backend.folder(stack.ref.home)
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "passphrase").stat().st_mode & 0o777 == 0o600


FAILING = """
import pathlib, sys
from fleet.deploy.program import StackRef
from fleet.errors import DeployError
from tests.cluster.tiny_stack import TinyStack
kubeconfig, home, name = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
ref = StackRef(name=name, program=lambda: None, kubeconfig=kubeconfig, home=home)
def program(build):
    first = build.config_map("first", {})
    for index in range(4):
        build.config_map(f"m{index}", {"v": first.id.apply(lambda _: 1 / 0)})
try:
    TinyStack(ref, name).up(program)
except DeployError as error:
    sys.exit(str(error))
"""


def test_one_failure_prints_one_error_in_a_process_of_its_own(stack: TinyStack) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING, str(stack.ref.kubeconfig), str(stack.ref.home), stack.ref.name],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "the program failed: ZeroDivisionError: division by zero (<string>, line 11)\n"
