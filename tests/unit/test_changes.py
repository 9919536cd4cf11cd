"""The CLI's steps are read into changes that a person can check: what, which field, from what to what."""

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.automation.events import StepEventMetadata

from fleet.deploy.changes import Action, Change, change

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def deployment(*args: str, **metadata: str) -> dict[str, object]:
    container = {"name": "vllm", "args": list(args)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "chat", "namespace": "inference", **metadata},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def state(inputs: Mapping[str, object], **more: object) -> dict[str, object]:
    kind = str(inputs.get("kind", "ConfigMap"))
    urn = f"urn:pulumi:local::elastic-vllm::kubernetes:apps/v1:{kind}::chat-deployment"
    common = {"type": f"kubernetes:apps/v1:{kind}", "urn": urn, "custom": True}
    return {**common, "inputs": inputs, "outputs": inputs, **more}


def step(
    op: str,
    old: dict[str, object] | None,
    new: dict[str, object] | None,
    detailed: Mapping[str, str] | None = None,
    *,
    reading: bool = False,
) -> Change | None:
    one = new or old or {}
    data: dict[str, Any] = {"op": op, "urn": one["urn"], "type": one["type"], "old": old, "new": new}
    data["detailedDiff"] = {path: {"diffKind": kind} for path, kind in (detailed or {}).items()}
    return change(StepEventMetadata.from_json(data), reading=reading)


def lines(made: Change | None) -> list[str]:
    assert made is not None
    return made.lines()


def test_an_update_names_the_object_and_each_field_with_both_values() -> None:
    before, after = state(deployment("serve", "--port", "8000")), state(deployment("serve", "--port", "9000"))
    assert lines(step("update", before, after)) == [
        "~ update Deployment inference/chat",
        '    spec.template.spec.containers[vllm].args[2]: "8000" → "9000"',
    ]


def test_a_field_that_makes_a_replacement_necessary_says_so() -> None:
    before, after = state(deployment(label="a")), state(deployment(label="b"))
    made = step("replace", before, after, {"metadata.label": "update-replace"})
    assert lines(made) == [
        "± replace Deployment inference/chat",
        '    metadata.label: "a" → "b"  (forces replacement)',
    ]


@pytest.mark.parametrize("op", ["create-replacement", "delete-replaced", "discard-replaced"])
def test_the_parts_of_a_replacement_are_no_changes_of_their_own(op: str) -> None:
    assert step(op, state(deployment()), state(deployment())) is None


def test_components_and_the_stack_itself_are_not_listed() -> None:
    assert step("create", None, state(deployment(), custom=False)) is None


def test_a_secret_that_changes_is_told_by_the_provider_and_shows_neither_value() -> None:
    before, after = ({"kind": "Secret", "metadata": {"name": "key"}, "data": SECRET} for _ in range(2))
    made = step("update", state(before), state(after), {"data.key": "update"})
    assert lines(made) == ["~ update Secret key", "    data.key: [secret] → [secret]"]


def test_a_value_that_was_secret_stays_hidden_when_the_program_drops_the_mark() -> None:
    before = state({"kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"key": SECRET}})
    after = state({"kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"key": "s3cr3t"}})
    assert lines(step("update", before, after))[1:] == ["    data.key: [secret] → [secret]"]


def test_what_only_an_update_can_know_is_shown_as_that() -> None:
    before = state({"kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"uid": "1"}})
    after = state({"kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"uid": UNKNOWN}})
    assert lines(step("update", before, after))[1:] == ['    data.uid: "1" → (known after up)']


def test_drift_that_only_the_provider_sees_is_a_field_with_the_live_value() -> None:
    wanted = {"kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "ours"}}
    live = {**wanted, "data": {"a": "edited"}}
    made = step("update", state(wanted, outputs=live), state(wanted), {"data.a": "update"})
    assert lines(made)[1:] == ['    data.a: "edited" → "ours"']


def test_a_path_with_quoted_keys_and_indexes_finds_its_values() -> None:
    labels = {"app.kubernetes.io/name": "a"}
    wanted = {"kind": "Pod", "metadata": {"name": "p", "labels": labels}, "spec": {"l": [{"v": 1}, {"v": 2}]}}
    live = {**wanted, "metadata": {"name": "p", "labels": {"app.kubernetes.io/name": "b"}}}
    made = step(
        "update",
        state(wanted, outputs={**live, "spec": {"l": [{"v": 1}]}}),
        state(wanted),
        {'metadata.labels["app.kubernetes.io/name"]': "update", "spec.l[1].v": "add"},
    )
    assert lines(made)[1:] == [
        '    metadata.labels["app.kubernetes.io/name"]: "b" → "a"',
        "    spec.l[1].v: (none) → 2",
    ]


def test_a_retained_object_is_left_in_place() -> None:
    made = step("delete", state(deployment(), retainOnDelete=True), None)
    assert lines(made) == ["· leave in place Deployment inference/chat  (retainOnDelete)"]


@pytest.mark.parametrize("op", ["refresh", "update"])
def test_a_refresh_shows_what_differed_and_what_is_gone(op: str) -> None:
    """The steps of ``pulumi refresh`` are called by their result, those of ``up --refresh`` are not."""
    before, after = state(deployment("a")), state(deployment("b"))
    assert lines(step(op, before, after, reading=True)) == [
        "~ update Deployment inference/chat  (in the state only)",
        '    spec.template.spec.containers[vllm].args[0]: "a" → "b"',
    ]
    assert lines(step(op, before, None, reading=True)) == [
        "- delete Deployment inference/chat  (in the state only)"
    ]
    same = step(op, before, before, reading=True)
    assert same is not None
    assert same.action is Action.UNCHANGED


def test_an_update_without_a_field_says_why_it_is_one() -> None:
    before = state(deployment(), initErrors=["0/1 pods available"])
    assert lines(step("update", before, state(deployment()))) == [
        "~ update Deployment inference/chat  (it was not ready when it was last read; waits until it is)"
    ]


def test_a_clouds_resource_goes_by_its_type_and_its_name() -> None:
    urn = "urn:pulumi:dev::elastic-vllm::aws:eks/nodeGroup:NodeGroup::l4-nodes"
    new = {"type": "aws:eks/nodeGroup:NodeGroup", "urn": urn, "custom": True, "inputs": {"kind": "x"}}
    assert lines(step("create", None, new)) == ["+ create aws:eks/nodeGroup:NodeGroup l4-nodes"]
