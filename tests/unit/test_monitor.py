"""The recorder runs a program as an engine would, and keeps what it registered."""

import asyncio
import gc
import runpy
import threading
from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from elastic_vllm.testing import monitor
from elastic_vllm.testing.monitor import Applied
from elastic_vllm.testing.registration import ProgramError, Registration
from elastic_vllm.testing.values import UNKNOWN, Secret


def config_map(name: str, opts: pulumi.ResourceOptions | None = None) -> kubernetes.core.v1.ConfigMap:
    return kubernetes.core.v1.ConfigMap(name, metadata={"name": name}, data={"key": "value"}, opts=opts)


def test_a_registration_holds_what_the_program_said() -> None:
    def program() -> None:
        first = config_map("first")
        config_map(
            "second",
            pulumi.ResourceOptions(
                depends_on=[first],
                protect=True,
                retain_on_delete=True,
                ignore_changes=["data.key"],
                delete_before_replace=True,
                import_="default/second",
                additional_secret_outputs=["data"],
                aliases=[pulumi.Alias(name="elder")],
            ),
        )

    second = monitor.run(program).named("second")
    assert second.type == "kubernetes:core/v1:ConfigMap"
    assert second.dependencies == ("urn:pulumi:test::elastic-vllm::kubernetes:core/v1:ConfigMap::first",)
    assert (second.protect, second.retain_on_delete, second.delete_before_replace) == (True, True, True)
    assert second.ignore_changes == ("data.key",)
    assert second.import_id == "default/second"
    assert second.additional_secret_outputs == ("data",)
    assert any("elder" in alias for alias in second.aliases)


def test_options_left_out_are_told_from_options_set_to_false() -> None:
    def program() -> None:
        config_map("unset")
        config_map("false", pulumi.ResourceOptions(protect=False, delete_before_replace=False))

    graph = monitor.run(program)
    assert (graph.named("unset").protect, graph.named("unset").delete_before_replace) == (None, None)
    assert (graph.named("false").protect, graph.named("false").delete_before_replace) == (False, False)


def test_a_child_carries_its_parents_types_in_its_urn_and_the_stack_is_left_out() -> None:
    class Component(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("elastic-vllm:serving:Component", name)
            self.child = config_map(f"{name}-child", pulumi.ResourceOptions(parent=self))
            self.register_outputs({"child": self.child.metadata["name"]})

    graph = monitor.run(lambda: Component("parent"))
    child = graph.named("parent-child")
    assert child.parent == "urn:pulumi:test::elastic-vllm::elastic-vllm:serving:Component::parent"
    assert child.urn.split("::")[2] == "elastic-vllm:serving:Component$kubernetes:core/v1:ConfigMap"
    assert graph.component_outputs[child.parent] == {"child": "parent-child"}


def test_whole_numbers_are_ints_and_others_stay_floats() -> None:
    def program() -> None:
        kubernetes.apiextensions.CustomResource(
            "numbers",
            api_version="example.com/v1",
            kind="Numbers",
            metadata={"name": "numbers"},
            spec={"whole": 3, "float": 3.0, "half": 0.5, "flag": True, "list": [1, 2.5]},
        )

    spec = monitor.run(program).named("numbers").inputs["spec"]
    assert isinstance(spec, dict)
    assert spec == {"whole": 3, "float": 3, "half": 0.5, "flag": True, "list": [1, 2.5]}
    assert [type(spec[key]) for key in ("whole", "float", "half", "flag")] == [int, int, float, bool]


def test_a_secret_stays_marked_and_does_not_print() -> None:
    def program() -> None:
        key = pulumi.Config("elastic-vllm").require_secret_object("apiKeys")
        kubernetes.core.v1.Secret("keys", metadata={"name": "keys"}, string_data={"key": key["chat"]})
        pulumi.export("key", key["chat"])

    graph = monitor.run(
        program, config={"elastic-vllm:apiKeys": '{"chat": "s3cr3t"}'}, secret_keys=["elastic-vllm:apiKeys"]
    )
    data = graph.named("keys").inputs["stringData"]
    assert "s3cr3t" not in repr(graph)
    assert data == Secret({"key": "s3cr3t"}) or data == {"key": Secret("s3cr3t")}
    assert graph.outputs["key"] == Secret("s3cr3t")


def test_preview_registers_the_same_resources_and_does_not_know_ids() -> None:
    def program() -> None:
        first = config_map("first")
        kubernetes.core.v1.ConfigMap("second", metadata={"name": "second"}, data={"first": first.id})

    assert [r.urn for r in monitor.run(program, preview=True)] == [r.urn for r in monitor.run(program)]
    assert monitor.run(program, preview=True).named("second").inputs["data"] == {"first": UNKNOWN}
    assert monitor.run(program).named("second").inputs["data"] == {"first": "first"}


def test_what_the_provider_answers_is_what_the_program_sees() -> None:
    seen: list[str] = []

    def provider(registration: Registration) -> Applied:
        metadata = {"name": registration.name, "uid": f"uid-of-{registration.name}"}
        return Applied(
            id=f"default/{registration.name}", outputs={**registration.inputs, "metadata": metadata}
        )

    def program() -> None:
        first = config_map("first")
        first.metadata.uid.apply(seen.append)
        kubernetes.core.v1.ConfigMap("second", metadata={"name": "second"}, data={"uid": first.metadata.uid})

    graph = monitor.run(program, provider=provider)
    assert seen == ["uid-of-first"]
    assert graph.named("second").inputs["data"] == {"uid": "uid-of-first"}


def test_in_a_preview_only_the_unknown_part_of_an_output_is_unknown() -> None:
    def provider(registration: Registration) -> Applied:
        metadata = {"name": registration.name, "uid": UNKNOWN}
        return Applied(id="", outputs={**registration.inputs, "metadata": metadata})

    def program() -> None:
        first = config_map("first")
        data = {"uid": first.metadata.uid, "name": first.metadata.name}
        kubernetes.core.v1.ConfigMap("second", metadata={"name": "second"}, data=data)

    data = monitor.run(program, preview=True, provider=provider).named("second").inputs["data"]
    assert data == {"uid": UNKNOWN, "name": "first"}


def raise_in_program() -> None:
    config_map("first")
    raise RuntimeError("the program is wrong")


def raise_in_apply() -> None:
    config_map("first").metadata.apply(lambda _: 1 / 0)
    config_map("second")


def raise_in_an_input() -> None:
    empty: dict[str, dict[str, str]] = {}
    data = config_map("first").metadata.apply(lambda _: empty["missing"])
    kubernetes.core.v1.ConfigMap("second", metadata={"name": "second"}, data=data)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("program", "kind"),
    [(raise_in_program, RuntimeError), (raise_in_apply, ZeroDivisionError), (raise_in_an_input, KeyError)],
)
def test_an_error_surfaces_once_and_leaves_nothing_behind(
    program: Callable[[], None], kind: type[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    threads = threading.active_count()
    with pytest.raises(kind):
        monitor.run(program)
    gc.collect()
    assert capfd.readouterr() == ("", "")
    assert threading.active_count() == threads
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


@pytest.mark.filterwarnings("error")
def test_a_failing_provider_is_the_one_error_and_nothing_is_applied_after_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    applied: list[str] = []

    def provider(registration: Registration) -> Applied:
        applied.append(registration.name)
        if registration.name == "first":
            raise ProgramError("refused by the apiserver")
        return Applied(id="x", outputs=registration.inputs)

    def program() -> None:
        first = config_map("first")
        for index in range(3):
            config_map(f"after-{index}", pulumi.ResourceOptions(depends_on=[first]))

    threads = threading.active_count()
    with pytest.raises(ProgramError, match=r"^refused by the apiserver$"):
        monitor.run(program, provider=provider)
    gc.collect()
    assert applied == ["first"]
    assert capfd.readouterr() == ("", "")
    assert threading.active_count() == threads


def test_a_registration_that_arrives_after_the_failure_meets_it_and_is_not_applied() -> None:
    """The SDK gives up a failed run as soon as it looks; this is about what arrives before that."""
    applied: list[str] = []

    def provider(registration: Registration) -> Applied:
        applied.append(registration.name)
        raise ProgramError(f"{registration.name} is the cause")

    running = monitor._Monitor(provider)
    for name in ("first", "second"):
        with pytest.raises(ProgramError, match="first is the cause"):
            running._apply(Registration(urn=name, type="a:b:C", name=name, custom=True))
    assert applied == ["first"]
    assert str(running._failed(ProgramError("what follows from it"))) == "first is the cause"


def test_two_resources_of_one_type_and_name_are_refused() -> None:
    def program() -> None:
        config_map("same")
        config_map("same")

    with pytest.raises(ProgramError, match="ConfigMap::same; give one another name"):
        monitor.run(program)


def call_a_function() -> None:
    kubernetes.yaml.ConfigFile("remote", file="nowhere.yaml")


def read_a_resource() -> None:
    kubernetes.core.v1.ConfigMap.get("there", "default/there")


def transform_a_resource() -> None:
    config_map("changed", pulumi.ResourceOptions(transforms=[lambda _: None]))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (read_a_resource, "reads the existing kubernetes:core/v1:ConfigMap 'there'"),
        (transform_a_resource, "the recorder has no transforms"),
        (lambda: pulumi.runtime.invoke("aws:ec2/getAmi:getAmi", {}), "function aws:ec2/getAmi:getAmi"),
    ],
)
def test_what_only_a_plugin_can_answer_is_refused(program: Callable[[], None], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        monitor.run(program)


def test_one_run_leaves_nothing_to_the_next() -> None:
    def read_config() -> None:
        pulumi.export("value", pulumi.Config("elastic-vllm").get("value"))

    assert monitor.run(read_config, config={"elastic-vllm:value": "one"}).outputs == {"value": "one"}
    assert monitor.run(read_config).outputs.get("value") is None
    assert pulumi.runtime.get_root_resource() is None


def test_a_program_file_runs_with_its_stack_and_config(tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text(
        "import pulumi\n"
        "pulumi.export('stack', pulumi.get_stack())\n"
        "pulumi.export('models', pulumi.Config().require_object('models'))\n"
    )
    graph = monitor.run(
        lambda: runpy.run_path(str(program), run_name="__main__"),
        stack="local",
        config={"elastic-vllm:models": '[{"name": "chat", "replicas": 2}]'},
    )
    assert graph.outputs == {"stack": "local", "models": [{"name": "chat", "replicas": 2}]}


def test_messages_of_the_program_reach_the_log() -> None:
    messages: list[tuple[str, str]] = []
    monitor.run(lambda: pulumi.log.warn("mind the gap"), log=lambda *message: messages.append(message))
    assert messages == [("warning", "mind the gap")]


def test_asking_for_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(
        LookupError, match=r"named 'second'; there are: first \(kubernetes:core/v1:ConfigMap\)"
    ):
        monitor.run(lambda: config_map("first")).named("second")


def test_retention_is_inherited_from_the_nearest_parent_that_says() -> None:
    def program() -> None:
        outer = pulumi.ComponentResource("a:b:C", "outer", opts=pulumi.ResourceOptions(retain_on_delete=True))
        inner = pulumi.ComponentResource("a:b:C", "inner", opts=pulumi.ResourceOptions(parent=outer))
        config_map("kept", pulumi.ResourceOptions(parent=inner))
        config_map("own", pulumi.ResourceOptions(parent=inner, retain_on_delete=False))

    graph = monitor.run(program)
    assert (graph.named("kept").retain_on_delete, graph.named("own").retain_on_delete) == (True, False)
