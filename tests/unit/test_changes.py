"""Changes are named by exact field paths, and secrets in them are hidden."""

import pytest

from elastic_vllm.testing.values import SECRET_TEXT, UNKNOWN, Secret, Unknown
from fleet.embedded.engine.changes import (
    MISSING,
    Action,
    Change,
    FieldChange,
    differences,
    marked_paths,
    masked,
)
from fleet.kube.objects import Object, Ref


def pod(*containers: Object, **more: object) -> Object:
    return {"metadata": {"name": "pod"}, "spec": {"containers": list(containers), **more}}


def lines(before: Object, after: Object) -> list[str]:
    return [str(change) for change in differences(before, after)]


def test_an_item_of_a_named_list_is_called_by_its_name() -> None:
    before = pod({"name": "init"}, {"name": "vllm", "args": ["--port", "8000"]})
    after = pod({"name": "init"}, {"name": "vllm", "args": ["--port", "9000"]})
    assert lines(before, after) == ['spec.containers[vllm].args[1]: "8000" → "9000"']


def test_reordering_a_named_list_is_no_change_of_its_items() -> None:
    one, two = {"name": "one", "image": "a"}, {"name": "two", "image": "b"}
    assert lines(pod(one, two), pod(two, one)) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["a", "b", "c"], ["a", "x", "b", "c"], ['spec.args[1]: (none) → "x"']),
        (["a", "b", "c"], ["a", "c"], ['spec.args[1]: "b" → (none)']),
        (["a", "b"], ["a", "x"], ['spec.args[1]: "b" → "x"']),
        (["a"], ["x", "y"], ['spec.args[0]: "a" → "x"', 'spec.args[1]: (none) → "y"']),
        ([1], [1.5], ["spec.args[0]: 1 → 1.5"]),
    ],
)
def test_plain_lists_are_compared_by_what_was_put_in_and_taken_out(
    before: list[object], after: list[object], expected: list[str]
) -> None:
    assert lines({"spec": {"args": before}}, {"spec": {"args": after}}) == expected


def test_keys_that_are_no_identifiers_are_quoted() -> None:
    before, after = ({"metadata": {"labels": {"app.kubernetes.io/name": name}}} for name in ("a", "b"))
    assert lines(before, after) == ['metadata.labels["app.kubernetes.io/name"]: "a" → "b"']


def test_a_number_a_text_and_a_flag_are_not_the_same() -> None:
    assert lines({"spec": {"a": 1, "b": True}}, {"spec": {"a": "1", "b": 1}}) == [
        'spec.a: 1 → "1"',
        "spec.b: true → 1",
    ]


def test_an_added_section_is_told_field_by_field_and_an_empty_one_as_such() -> None:
    assert lines({"spec": {}}, {"spec": {"a": {"b": 1, "c": 2}, "d": {}}}) == [
        "spec.a.b: (none) → 1",
        "spec.a.c: (none) → 2",
        "spec.d: (none) → {}",
    ]


def test_what_the_apiserver_keeps_itself_is_no_change() -> None:
    before = {"metadata": {"generation": 1, "resourceVersion": "1", "managedFields": []}, "status": {"a": 1}}
    after = {"metadata": {"generation": 2, "resourceVersion": "2", "managedFields": [1]}, "status": {"a": 2}}
    assert lines(before, after) == []


def test_both_values_at_below_and_above_a_secret_are_hidden() -> None:
    changes = [
        FieldChange(("spec", "key"), "old", "new"),
        FieldChange(("spec", "key", "below"), "old", "new"),
        FieldChange(("spec",), {"key": "old"}, MISSING),
        FieldChange(("spec", "other"), "old", "new"),
    ]
    assert [str(change) for change in masked(changes, [("spec", "key")], data=False)] == [
        f"spec.key: {SECRET_TEXT} → {SECRET_TEXT}",
        f"spec.key.below: {SECRET_TEXT} → {SECRET_TEXT}",
        f"spec: {SECRET_TEXT} → (none)",
        'spec.other: "old" → "new"',
    ]


def test_an_item_known_by_name_hides_the_same_item_known_by_index() -> None:
    changes = [FieldChange(("env", "[0]", "value"), "old", "new"), FieldChange(("env", "[=B]"), "old", "new")]
    hidden = masked(changes, [("env", "[=A]", "value")], data=False)
    assert [str(change) for change in hidden] == [
        f"env[0].value: {SECRET_TEXT} → {SECRET_TEXT}",
        'env[B]: "old" → "new"',
    ]


def test_all_data_of_a_secret_object_is_hidden() -> None:
    (change,) = masked([FieldChange(("data", "key"), "b2xk", "bmV3")], [], data=True)
    assert "b2xk" not in repr(change)
    assert "bmV3" not in str(change)


def test_marks_are_found_wherever_they_are() -> None:
    value = {
        "a": Secret("x"),
        "list": [{"name": "n", "value": Secret("y")}],
        "plain": [1, Secret({"u": UNKNOWN})],
        "u": UNKNOWN,
    }
    assert set(marked_paths(value, Secret)) == {("a",), ("list", "[=n]", "value"), ("plain", "[1]")}
    assert set(marked_paths(value, Unknown)) == {("plain", "[1]", "u"), ("u",)}


def test_a_change_reads_as_one_line_for_the_object_and_one_for_each_field() -> None:
    ref = Ref(api_version="apps/v1", kind="Deployment", namespace="inference", name="chat")
    field = FieldChange(("spec", "replicas"), 1, 2, forces_replacement=True)
    change = Change(action=Action.REPLACE, ref=ref, urn="urn", fields=(field,), note="because")
    assert change.lines() == [
        "± replace Deployment inference/chat  (because)",
        "    spec.replicas: 1 → 2  (forces replacement)",
    ]
