"""The embedded engine refuses what it cannot do, before it changes anything, and tells no secret."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapPatch
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.provider import Provider

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.values import items, mapping
from fleet.embedded import engine
from fleet.embedded.engine.lock import stack_lock
from fleet.kube.objects import Object, metadata
from tests.cluster import tiny_stack
from tests.cluster.tiny_stack import Builder, TinyStack, data

pytestmark = pytest.mark.cluster


def applied_by(stack: TinyStack, manager: str, name: str, values: Mapping[str, str]) -> None:
    """An object that somebody else put into the stack's namespace."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": values}
    query = {"fieldManager": manager, "force": "true"}
    path = f"/api/v1/namespaces/{stack.namespace}/configmaps/{name}"
    stack.api.send("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")


def one_map(build: Builder) -> None:
    build.config_map("map", {"value": "ours"})


def non_kubernetes(build: Builder) -> None:
    pulumi.CustomResource("random:index/randomPet:RandomPet", "pet", {})


def another_cloud(build: Builder) -> None:
    pulumi.ProviderResource("aws", "aws", {})


def helm_release(build: Builder) -> None:
    Release("release", chart="chart", opts=build.options())


def patch(build: Builder) -> None:
    ConfigMapPatch("patch", metadata={"name": "map"}, data={"a": "b"}, opts=build.options())


def default_provider(build: Builder) -> None:
    ConfigMap("implicit", metadata=build.metadata("implicit"), data={})


def other_cluster(build: Builder) -> None:
    other = Provider("other", kubeconfig="/nowhere/kubeconfig")
    ConfigMap("map", metadata=build.metadata("map"), opts=pulumi.ResourceOptions(provider=other))


def no_name(build: Builder) -> None:
    ConfigMap("nameless", metadata={"namespace": build.namespace}, opts=build.options())


def timeouts(build: Builder) -> None:
    build.config_map("map", {}, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1m")))


def replace_on_changes(build: Builder) -> None:
    build.config_map("map", {}, pulumi.ResourceOptions(replace_on_changes=["data"]))


def unknown_annotation(build: Builder) -> None:
    annotations = {"pulumi.com/deletionPropagationPolicy": "orphan"}
    ConfigMap("map", metadata={"name": "map", "annotations": annotations}, opts=build.options())


def unknown_condition(build: Builder) -> None:
    annotations = {"pulumi.com/waitFor": "jsonpath={.status}"}
    ConfigMap("map", metadata={"name": "map", "annotations": annotations}, opts=build.options())


def twice(build: Builder) -> None:
    one_map(build)
    ConfigMap("again", metadata=build.metadata("map"), opts=build.options())


def bad_path(build: Builder) -> None:
    build.config_map("map", {}, pulumi.ResourceOptions(ignore_changes=["data["]))


def import_of_nothing(build: Builder) -> None:
    build.config_map("map", {}, pulumi.ResourceOptions(import_=f"{build.namespace}/map"))


def import_of_another(build: Builder) -> None:
    build.config_map("map", {}, pulumi.ResourceOptions(import_=f"{build.namespace}/other"))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (non_kubernetes, r"pet \(random:index/randomPet:RandomPet\) is no Kubernetes object"),
        (another_cloud, r"aws \(pulumi:providers:aws\).*deploys Kubernetes objects only"),
        (helm_release, "no Helm, lists or patches"),
        (patch, "no Helm, lists or patches"),
        (default_provider, "has no explicit Kubernetes provider"),
        (other_cluster, "points at another cluster"),
        (no_name, "has no metadata.name"),
        (timeouts, "sets customTimeouts, which the embedded engine does not know"),
        (replace_on_changes, "sets replaceOnChanges"),
        (unknown_annotation, "has the annotation pulumi.com/deletionPropagationPolicy"),
        (unknown_condition, "has pulumi.com/waitFor 'jsonpath={.status}'"),
        (twice, "map and again declare the same object|again and map declare the same object"),
        (bad_path, "ignoreChanges has 'data\\['"),
        (import_of_nothing, "imports ConfigMap .*/map, which is not in the cluster"),
        (import_of_another, "imports '.*/other', but declares '.*/map'"),
    ],
)
def test_what_the_engine_cannot_do_is_refused_before_anything_is_applied(
    stack: TinyStack, program: Callable[[Builder], None], message: str
) -> None:
    def with_something_else(build: Builder) -> None:
        build.config_map("fine", {})
        program(build)

    with pytest.raises(EngineError, match=message):
        stack.up(with_something_else)
    assert stack.object("ConfigMap", "fine") is None
    assert engine.owner(stack.ref.kubeconfig, stack.ref.name) is None


def test_a_stack_of_the_pulumi_cli_is_refused(stack: TinyStack) -> None:
    applied_by(stack, "pulumi-kubernetes-1a2b3c", "map", {"value": "theirs"})
    for run in (stack.up, stack.preview):
        with pytest.raises(EngineError, match=r"is deployed by the Pulumi CLI .*--engine pulumi"):
            run(one_map)
    assert data(stack.config_map("map")) == {"value": "theirs"}


def test_an_object_that_was_there_is_refused_unless_it_is_imported(stack: TinyStack) -> None:
    applied_by(stack, "kubectl", "map", {"value": "theirs"})
    with pytest.raises(EngineError, match=r"exists already .*import_='.*/map'"):
        stack.up(one_map)
    assert data(stack.config_map("map")) == {"value": "theirs"}
    uid = metadata(stack.config_map("map"))["uid"]
    opts = pulumi.ResourceOptions(import_=f"{stack.namespace}/map")
    stack.up(lambda build: build.config_map("map", {"value": "ours"}, opts))
    assert data(stack.config_map("map")) == {"value": "ours"}
    assert metadata(stack.config_map("map"))["uid"] == uid


def test_what_a_person_changed_with_kubectl_is_taken_back(stack: TinyStack) -> None:
    stack.up(one_map)
    applied_by(stack, "kubectl-edit", "map", {"value": "edited"})
    assert "(takes back what kubectl-edit changed)" in stack.preview(one_map).lines[0]
    stack.up(one_map)
    assert data(stack.config_map("map")) == {"value": "ours"}


def test_a_field_that_a_controller_took_is_left_to_it_and_named(stack: TinyStack) -> None:
    stack.up(one_map)
    applied_by(stack, "some-controller", "map", {"value": "controlled"})
    for run in (stack.preview, stack.up):
        with pytest.raises(EngineError, match=r"data.value \(some-controller\).*ignoreChanges"):
            run(one_map)
    assert data(stack.config_map("map")) == {"value": "controlled"}


def test_another_stacks_object_is_refused(stack: TinyStack) -> None:
    stack.up(one_map)
    other = TinyStack(tiny_stack.renamed(stack.ref, f"{stack.ref.name}-two"), stack.namespace)
    owner = stack.ref.name
    next_step = (
        f"`fleet destroy --stack {owner} --engine embedded` first, or give this stack another `namespace`"
    )
    with pytest.raises(EngineError, match=f"belongs to stack '{owner}': {next_step}"):
        other.up(one_map)


def test_a_refusal_of_the_apiserver_is_one_error_that_names_object_and_field(stack: TinyStack) -> None:
    def misspelt(build: Builder) -> None:
        first = build.config_map("first", {})
        opts = build.options(pulumi.ResourceOptions(depends_on=[first]))
        pulumi.CustomResource(
            "kubernetes:core/v1:ConfigMap",
            "wrong",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wrong"}, "datum": {}},
            opts,
        )

    with pytest.raises(
        EngineError, match=r"^ConfigMap default/wrong: .*datum: field not declared in schema"
    ) as failure:
        stack.up(misspelt)
    assert failure.value.__context__ is None
    assert stack.object("ConfigMap", "first") is not None
    assert "ConfigMap first" in stack.members()


def test_two_runs_on_one_stack_do_not_interleave(stack: TinyStack) -> None:
    with stack_lock(stack.ref.home, stack.ref.name):
        runs: tuple[Callable[[], object], ...] = (lambda: stack.up(one_map), stack.destroy)
        for run in runs:
            with pytest.raises(EngineError, match=f"is being changed by process {os.getpid()}"):
                run()
    stack.up(one_map)


def test_no_apiserver_is_one_error_with_the_next_step(stack: TinyStack, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    )
    with pytest.raises(EngineError, match=r"no apiserver answers at http://127.0.0.1:1 .*fleet cluster up"):
        engine.owner(kubeconfig, "any")


def everything(stack: TinyStack) -> Iterator[tuple[str, Object]]:
    """All objects in the stack's namespace and the inventory's, of every kind that is served."""
    for version in ("v1", "apps/v1", "events.k8s.io/v1", "discovery.k8s.io/v1"):
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for kind in map(mapping, items(stack.api.send("GET", path).get("resources"))):
            if "list" in items(kind.get("verbs")) and kind.get("namespaced"):
                for namespace in (stack.namespace, "default"):
                    found = stack.api.list(version, str(kind["kind"]), namespace)
                    yield from ((str(kind["kind"]), item) for item in found)


def test_a_secret_is_found_nowhere_but_in_secret_data(
    stack: TinyStack, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    canary, rotated = (f"canary-{secrets.token_hex(12)}" for _ in range(2))

    def program(build: Builder, key: str) -> None:
        secret = build.secret("keys", pulumi.Output.secret(key))
        pulumi.log.warn(f"a careless program says {key}")
        build.config_map("dependant", {"uid": secret.metadata["uid"]})

    def failing(build: Builder) -> None:
        program(build, rotated)
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "wrong"}}
        spec = {"ports": [{"port": 80, "protocol": pulumi.Output.secret(canary)}]}
        pulumi.CustomResource("kubernetes:core/v1:Service", "wrong", {**body, "spec": spec}, build.options())

    recorders = [
        stack.preview(lambda build: program(build, canary)),
        stack.up(lambda build: program(build, canary)),
        stack.preview(lambda build: program(build, rotated)),
        stack.up(lambda build: program(build, rotated)),
    ]
    with pytest.raises(EngineError) as failure:
        stack.up(failing)
    printed = "".join(capfd.readouterr()) + caplog.text + str(failure.value) + repr(failure.value)
    said = "\n".join(line for recorder in recorders for line in [*recorder.lines, repr(recorder.changes)])
    files = "".join(path.read_text() for path in stack.ref.home.rglob("*") if path.is_file())
    objects = [(kind, item) for kind, item in everything(stack) if kind != "Secret"]
    assert len(objects) >= 3
    for hidden in (canary, rotated):
        for place in (printed, said, files, repr(objects)):
            assert hidden not in place
            assert tiny_stack.base64(hidden) not in place
    assert "Unsupported value" in str(failure.value)
    assert "data.key: [secret] → [secret]" in said
    assert "a careless program says [secret]" in said
    kept = stack.object("Secret", "keys")
    assert kept is not None
    assert data(kept) == {"key": tiny_stack.base64(rotated)}


def test_a_value_that_was_secret_stays_hidden_when_the_program_drops_it(stack: TinyStack) -> None:
    stack.up(lambda build: build.config_map("map", {"key": pulumi.Output.secret("a-former-secret")}))
    preview = stack.preview(lambda build: build.config_map("map", {"key": "public"}))
    assert preview.lines[1] == "    data.key: [secret] → [secret]"


def test_one_failure_prints_one_error_in_a_process_of_its_own(stack: TinyStack) -> None:
    code = f"""
import pathlib, sys
from tests.cluster import tiny_stack
from fleet.embedded.engine.program import StackRef
from elastic_vllm.testing.errors import EngineError
kubeconfig, home = map(pathlib.Path, ({str(stack.ref.kubeconfig)!r}, {str(stack.ref.home)!r}))
ref = StackRef(name={stack.ref.name!r}, program=lambda: None, kubeconfig=kubeconfig, home=home)
def program(build):
    first = build.config_map("first", {{}})
    for index in range(4):
        build.config_map(f"m{{index}}", {{"v": first.id.apply(lambda _: 1 / 0)}})
try:
    tiny_stack.TinyStack(ref, {stack.namespace!r}).up(program)
except EngineError as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "the program failed: ZeroDivisionError: division by zero (<string>, line 11)\n"
