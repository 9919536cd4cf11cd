"""``ignoreChanges`` keeps the live value at a path, or its absence."""

import pytest

from elastic_vllm.testing.errors import EngineError
from fleet.embedded.engine.property_path import keep, parse


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("spec.replicas", ("spec", "replicas")),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ('metadata.labels["a.b/c"]', ("metadata", "labels", "a.b/c")),
        ("spec.containers[*].image", ("spec", "containers", "*", "image")),
        ('["quoted \\" key"]', ('quoted " key',)),
    ],
)
def test_a_path_is_read_step_by_step(path: str, steps: tuple[str | int, ...]) -> None:
    assert parse(path) == steps


@pytest.mark.parametrize("path", ["spec[", "spec[x]", 'spec["open]', "spec]"])
def test_what_is_no_path_is_refused_by_name(path: str) -> None:
    with pytest.raises(EngineError, match="which is no property path"):
        parse(path)


def test_the_live_value_is_kept_and_an_absent_one_stays_absent() -> None:
    desired = {"spec": {"replicas": 1, "paused": True, "other": 1}}
    live = {"spec": {"replicas": 5, "other": 2}}
    assert keep(desired, live, ["spec.replicas", "spec.paused"]) == {"spec": {"replicas": 5, "other": 1}}


def test_a_live_value_that_the_program_does_not_declare_is_kept_too() -> None:
    assert keep({"spec": {}}, {"spec": {"replicas": 5}}, ["spec.replicas"]) == {"spec": {"replicas": 5}}
    labels = {"metadata": {"labels": {"a.b/c": "d"}}}
    assert keep({"metadata": {}}, labels, ['metadata.labels["a.b/c"]']) == labels


def test_a_star_means_every_item() -> None:
    desired = {"containers": [{"image": "a"}, {"image": "b"}], "labels": {"x": "1"}}
    live = {"containers": [{"image": "c"}, {"image": "d"}], "labels": {"y": "2"}}
    kept = keep(desired, live, ["containers[*].image", "labels.*"])
    assert kept == {"containers": [{"image": "c"}, {"image": "d"}], "labels": {"y": "2"}}


def test_the_declaration_itself_is_not_changed() -> None:
    desired = {"spec": {"replicas": 1}}
    keep(desired, {"spec": {"replicas": 2}}, ["spec.replicas"])
    assert desired == {"spec": {"replicas": 1}}
