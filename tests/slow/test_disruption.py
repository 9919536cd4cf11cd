"""Twenty faults at full load: five drills at once, each with a model and a pool of its own.

Whatever gives notice, drain, consolidation, rollout, Spot interruption and scale-down, cuts no answer. A
machine that is gone without notice takes with it what was in flight there, and nothing else.
"""

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fleet.cli.drill import perform
from fleet.cli.stack import ROOT, Printer
from fleet.drill import scenario
from fleet.drill.rest import await_no_nodes
from fleet.drill.scenario import FaultKind
from fleet.drill.staging import stage
from fleet.drill.timeline import Happening, Run, Second
from fleet.embedded import engine
from fleet.embedded.apiserver import connect
from fleet.embedded.cluster.layout import Layout
from fleet.embedded.engine.program import stack_ref
from stacks import config as stack_config

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
        "faults": [{"at": moment, "kind": kind} for moment in MOMENTS],
    }
    return scenario.parse(plain, kind)


class Silent:
    """A listener that only counts."""

    def update(self, second: Second, happenings: list[Happening]) -> None:
        pass


@pytest.fixture(scope="module")
def runs(cluster: Layout) -> Iterator[Mapping[FaultKind, Run]]:
    local: dict[str, Any] = stack_config.read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml")
    (model,), (pool,) = local["models"], local["pools"]
    drain = {"propagationSeconds": 5, "finishSeconds": 60, "marginSeconds": 5}
    raw = {
        **local,
        "namespace": "disruption",
        "models": [
            {**model, "name": kind, "pool": kind, "drain": drain, "replicas": {"min": 2, "max": 10}}
            for kind in KINDS
        ],
        "pools": [{**pool, "name": kind} for kind in KINDS],
    }
    config = {
        f"elastic-vllm:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in raw.items()
    }
    plain = stack_ref("local", root=ROOT, kubeconfig=cluster.kubeconfig, home=cluster.root)
    parsed = stack_config.parse(raw)
    ref = stage(replace(plain, name="disruption", config=config), parsed, None, COMPRESSION).ref
    engine.up(ref, reporter=Printer(unchanged=False))

    def drilled(kind: FaultKind) -> Run:
        return perform(stage(ref, parsed, kind, COMPRESSION), play(kind), Silent())

    with ThreadPoolExecutor(len(KINDS)) as threads:
        futures = {kind: threads.submit(drilled, kind) for kind in KINDS}
        yield {kind: future.result() for kind, future in futures.items()}
    engine.destroy(ref, reporter=Printer(unchanged=False))
    await_no_nodes(connect(cluster.kubeconfig), list(KINDS))


def struck(run: Run) -> list[Happening]:
    return [one for one in run.happenings if one.kind == "fault"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_struck_a_replica_that_was_busy(runs: Mapping[FaultKind, Run], kind: FaultKind) -> None:
    run = runs[kind]
    assert len(struck(run)) == len(MOMENTS)
    assert not [one for one in struck(run) if "no replica" in one.text]
    gone = {one.subject for one in run.happenings if one.kind == "node" and one.text.endswith(" gone")}
    if kind != "rollout":
        assert {one.subject for one in struck(run)} <= gone, "each node that was struck went"
    busy = {second.t: second.running for second in run.seconds}
    assert all(busy[float(moment)] > 0 for moment in MOMENTS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "kill-node"])
def test_what_gives_notice_cuts_no_answer(runs: Mapping[FaultKind, Run], kind: FaultKind) -> None:
    run = runs[kind]
    assert run.ledger.cut == 0, [f"{one.t:.0f} s {one.subject} {one.text}" for one in run.happenings]
    assert run.ledger.answered > 500
    changes = [(one.before, one.after) for one in run.scale_changes if one.after < one.before]
    assert changes, "a scale-down was part of it"


def test_a_spot_machine_is_empty_before_its_notice_is_over(runs: Mapping[FaultKind, Run]) -> None:
    ends = [
        one.text
        for one in runs["spot-interruption"].happenings
        if "empty before its notice was over" in one.text
    ]
    assert len(ends) == len(MOMENTS)


def test_a_machine_without_notice_cuts_what_was_in_flight_there_and_nothing_else(
    runs: Mapping[FaultKind, Run],
) -> None:
    run = runs["kill-node"]
    held = [
        int(found[1]) for one in struck(run) if (found := re.search(r"(\d+) requests in flight", one.text))
    ]
    assert len(held) == len(MOMENTS)
    assert 0 < run.ledger.cut <= sum(held)
