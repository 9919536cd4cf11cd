"""Scenarios: those that ship are sound, load follows the phases, and errors name the key to change."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from docs.generate import stack_schema as schema
from elastic_vllm import catalog
from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.scenario import Scenario, ScenarioError
from elastic_vllm.spec import LocalCluster
from elastic_vllm.vllm.startup import start_of
from tests.manifests import model

FILES = sorted(scenario.FOLDER.glob("*.yaml"))
Raw = dict[str, object]


def raw(**changes: object) -> Raw:
    return {
        "name": "test",
        "description": "A scenario of the tests.",
        "mix": {"text": 1},
        "phases": [
            {"name": "up", "seconds": 10, "load": {"from": 1, "to": 3}},
            {"name": "high", "seconds": 5, "load": 4},
        ],
        **changes,
    }


def parsed(**changes: object) -> Scenario:
    return scenario.parse(raw(**changes), "test.yaml")


def complaint(**changes: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        parsed(**changes)
    return str(caught.value)


def test_load_follows_ramps_and_levels_and_is_zero_outside() -> None:
    play = parsed()
    assert play.duration_seconds == 15
    assert [play.load_at(t) for t in (0, 5, 9.999999, 10, 14.9)] == pytest.approx([1, 2, 3, 4, 4])
    assert [play.load_at(t) for t in (-1, 15, 99)] == [0, 0, 0]


def test_phases_are_named_and_the_last_one_lasts() -> None:
    assert [parsed().phase_at(t) for t in (0, 9.9, 10, 15, 99)] == ["up", "up", "high", "high", "high"]


def test_as_many_replicas_are_planned_as_the_peak_needs_unless_the_file_says_more() -> None:
    phases = [{"name": "ramp", "seconds": 9, "load": {"from": 6.2, "to": 1}}]
    assert parsed(phases=phases).planned_replicas == 7
    assert parsed(phases=phases, plannedReplicas=9).planned_replicas == 9
    assert parsed(phases=[{"name": "rest", "seconds": 9, "load": 0}]).planned_replicas == 1


def test_the_issues_scenarios_ship() -> None:
    assert {"ramp-peak-trough", "step", "spike", "day"} <= set(scenario.names())
    faults = {fault.kind for name in scenario.names() for fault in scenario.load(name).faults}
    assert faults == {"kill-node", "evict-pod", "drain-node"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_scenario_loads_by_name_and_by_path_and_ends_at_rest(file: Path) -> None:
    play = scenario.load(file.stem)
    assert play == scenario.load(file)
    assert play.phases[-1].seconds >= 80
    assert play.load_at(play.duration_seconds - 1) <= 0.02


def test_faults_strike_at_the_peak() -> None:
    for name in scenario.names():
        play = scenario.load(name)
        for fault in play.faults:
            assert play.load_at(fault.at) == play.peak_load > 1


def test_the_demos_traffic_is_short_and_so_are_its_delays_for_the_8b_on_an_a10g() -> None:
    play = scenario.load("ramp-peak-trough")
    assert play.duration_seconds <= 285
    assert play.planned_replicas == 10
    start = start_of(LocalCluster(cloud="local"), model(), catalog.machine_for("aws", "a10g", 1))
    assert 4 <= start.node / play.compression <= 6
    assert 2 <= start.load / play.compression <= 5


def test_an_unknown_name_says_what_exists() -> None:
    with pytest.raises(ScenarioError, match=r"no scenario strep; there are: .*ramp-peak-trough.*step"):
        scenario.load("strep")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not valid YAML"),
        ("- 1\n", "must be a section"),
        ("", "must be a section"),
    ],
)
def test_a_file_that_is_no_scenario_is_told_so(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=said):
        scenario.load(file)


def test_a_file_of_your_own_is_played_and_must_bear_its_name(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(raw()))
    assert scenario.load(file).name == "test"
    other = file.rename(tmp_path / "other.yaml")
    with pytest.raises(ScenarioError, match=r"other\.yaml: name: test must be the file's, other"):
        scenario.load(other)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sede": 1}, "test.yaml: sede: unknown key; did you mean seed? This section has: name, desc"),
        ({"mix": {"text": 0.5}}, "test.yaml: mix: the shares add up to 0.5, not to 1"),
        ({"mix": {"txt": 1}}, "test.yaml: mix.txt: 'txt' is not one of text, one-image or several-images"),
        ({"phases": []}, "test.yaml: phases: has 0 items; it needs 1 or more"),
        (
            {"phases": [{"name": "a", "seconds": 0, "load": 1}]},
            "test.yaml: phases[0].seconds: 0 is too small; it must be above 0",
        ),
        ({"phases": [{"name": "a", "load": 1}]}, "test.yaml: phases[0].seconds: is required"),
        (
            {"phases": [{"name": "a", "seconds": 1, "load": -1}]},
            "test.yaml: phases[0].load.from: -1 is too small; the minimum is 0",
        ),
        (
            {"phases": [{"name": "a", "seconds": 1, "load": {"from": 1, "too": 1, "to": 1}}]},
            "test.yaml: phases[0].load.too: unknown key; did you mean to? This section has: from, to",
        ),
        (
            {"faults": [{"at": 3, "kind": "flood"}]},
            "test.yaml: faults[0].kind: 'flood' is not one of kill-node, evict-pod",
        ),
        (
            {"faults": [{"at": 15, "kind": "kill-node"}]},
            "test.yaml: faults[0].at: 15 is not before the end at 15 seconds",
        ),
        ({"compression": 0.5}, "test.yaml: compression: 0.5 is too small; the minimum is 1"),
        ({"seed": "1"}, "test.yaml: seed: '1' is not a whole number; write it without quotes"),
        ({"dispatch": "first"}, "test.yaml: dispatch: 'first' is not one of least-in-flight or random"),
    ],
)
def test_an_error_names_the_key_and_what_is_allowed(changes: Raw, said: str) -> None:
    assert complaint(**changes).startswith(said)


def test_every_error_is_told_at_once_and_none_twice() -> None:
    bad = complaint(seed=-1, phases=[{"name": "a", "seconds": 1}])
    assert [line.split(": ")[1] for line in bad.splitlines()] == ["seed", "phases[0].load"]


def test_the_committed_schema_is_what_the_models_say() -> None:
    assert schema.SCENARIO_PATH.read_text(encoding="utf-8") == schema.scenario_text(), "run `make schema`"


@pytest.fixture(scope="module")
def editor() -> Draft202012Validator:
    committed = json.loads(schema.SCENARIO_PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(committed)
    return Draft202012Validator(committed)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_scenarios_please_an_editor_and_point_it_at_the_schema(
    file: Path, editor: Draft202012Validator
) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert [error.message for error in editor.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"sede": 1},
        {"mix": {"txt": 1}},
        {"phases": []},
        {"phases": [{"name": "a", "seconds": 1, "load": {"from": 1}}]},
        {"phases": [{"name": "a", "seconds": 1, "load": "1"}]},
        {"faults": [{"at": 3, "kind": "flood"}]},
    ],
)
def test_an_editor_marks_what_the_program_refuses(changes: Raw, editor: Draft202012Validator) -> None:
    assert editor.is_valid(raw())
    assert not editor.is_valid(raw(**changes))


def test_time_to_first_token_is_held_only_where_the_file_says_so() -> None:
    assert not parsed().hold_ttft
    assert parsed(holdTtft=True).hold_ttft
