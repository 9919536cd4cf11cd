"""Changes are named by exact field paths, and secrets in them are hidden."""

import pytest

from elastic_vllm.testing.values import SECRET_TEXT, UNKNOWN, Secret
from fleet.deploy.fields import differences, overlaps
from fleet.kube.objects import Object


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


def test_what_is_secret_or_not_yet_known_is_shown_as_such() -> None:
    before, after = {"spec": {"a": "old", "b": "old"}}, {"spec": {"a": Secret("new"), "b": UNKNOWN}}
    assert lines(before, after) == [
        f'spec.a: "old" → {SECRET_TEXT}',
        'spec.b: "old" → (known after up)',
    ]


@pytest.mark.parametrize(
    ("path", "other", "expected"),
    [
        (("spec",), ("spec", "a"), True),
        (("spec", "a", "b"), ("spec", "a"), True),
        (("spec", "a"), ("spec", "b"), False),
        (("env", "[=A]", "value"), ("env", "[0]"), True),
        (("env", "[=A]"), ("env", "[=B]"), False),
        (("env", "[0]"), ("env", "[1]"), False),
    ],
)
def test_two_paths_overlap_where_one_leads_to_the_other(
    path: tuple[str, ...], other: tuple[str, ...], expected: bool
) -> None:
    assert overlaps(path, other) is expected
