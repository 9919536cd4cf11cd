"""Twenty faults at full load: five drills at once, each with a model and a pool of its own.

Whatever gives notice, drain, consolidation, rollout, Spot interruption and scale-down, cuts no answer. A
machine that is gone without notice takes with it what was in flight there, and nothing else.
"""

import re
from collections.abc import Iterator, Mapping

import pytest

from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.scenario import FaultKind
from elastic_vllm.simulate.timeline import Happening, Run
from fleet.embedded.layout import Layout
from tests.slow.drills import deployed, local

pytestmark = pytest.mark.slow

KINDS: tuple[FaultKind, ...] = ("drain-node", "consolidate", "rollout", "spot-interruption", "kill-node")
MOMENTS = (75, 115, 155, 195)
"""A replica is back, and has caught up, before the next fault comes."""
COMPRESSION = 40


def play(kind: FaultKind) -> scenario.Scenario:
    plain = {
        "name": kind,
        "description": f"Four times {kind} while three replicas are busy, then nothing to do.",
        "compression": COMPRESSION,
        "seed": 11,
        "mix": {"text": 0.7, "one-image": 0.3},
        "plannedReplicas": 4,
        "phases": [
            {"name": "ramp", "seconds": 60, "load": {"from": 0.6, "to": 2.5}},
            {"name": "peak", "seconds": 180, "load": 2.5},
            {"name": "trough", "seconds": 90, "load": 0.0},
        ],
        "settleSeconds": 60,
        "faults": [{"at": moment, "kind": kind} for moment in MOMENTS],
    }
    return scenario.parse(plain, kind)


@pytest.fixture(scope="module")
def runs(cluster: Layout) -> Iterator[Mapping[str, Run]]:
    drain = {"propagationSeconds": 5, "finishSeconds": 60, "marginSeconds": 5}
    models: Mapping[str, Mapping[str, object]] = {
        kind: {"drain": drain, "replicas": {"min": 2, "max": 10}} for kind in KINDS
    }
    with deployed(cluster, local("disruption", models), COMPRESSION) as drill:
        yield drill({kind: play(kind) for kind in KINDS})


def struck(run: Run) -> list[Happening]:
    return [one for one in run.happenings if one.kind == "fault"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_struck_a_replica_that_was_busy(runs: Mapping[str, Run], kind: FaultKind) -> None:
    run = runs[kind]
    assert len(struck(run)) == len(MOMENTS)
    assert not [one for one in struck(run) if "no replica" in one.text]
    gone = {one.subject for one in run.happenings if one.kind == "node" and one.text.endswith(" gone")}
    if kind != "rollout":
        assert {one.subject for one in struck(run)} <= gone, "each node that was struck went"
    busy = {second.t: second.running for second in run.seconds}
    assert all(busy[float(moment)] > 0 for moment in MOMENTS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "kill-node"])
def test_what_gives_notice_cuts_no_answer(runs: Mapping[str, Run], kind: FaultKind) -> None:
    run = runs[kind]
    assert run.ledger.aborted == 0, [f"{one.t:.0f} s {one.subject} {one.text}" for one in run.happenings]
    assert run.ledger.answered > 500
    changes = [(one.before, one.after) for one in run.scale_changes if one.after < one.before]
    assert changes, "a scale-down was part of it"


def test_a_spot_machine_is_empty_before_its_notice_is_over(runs: Mapping[str, Run]) -> None:
    ends = [
        one.text
        for one in runs["spot-interruption"].happenings
        if "empty before its notice was over" in one.text
    ]
    assert len(ends) == len(MOMENTS)


def test_a_machine_without_notice_cuts_what_was_in_flight_there_and_nothing_else(
    runs: Mapping[str, Run],
) -> None:
    run = runs["kill-node"]
    held = [
        int(found[1]) for one in struck(run) if (found := re.search(r"(\d+) requests in flight", one.text))
    ]
    assert len(held) == len(MOMENTS)
    assert 0 < run.ledger.aborted <= sum(held)
