"""The drill on the real controllers: two that go well, and three that must not, all at once.

Each has a model and a pool of its own, so that they share nothing but the control plane.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from elastic_vllm.simulate import scenario
from elastic_vllm.simulate.timeline import Happening, Run, Second
from elastic_vllm.stack_file import config as stack_config
from fleet import deploy
from fleet.cli.drill import perform
from fleet.deploy.program import StackRef, stack_ref
from fleet.drill.report import files
from fleet.drill.rest import await_no_nodes
from fleet.drill.staging import stage
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import connect
from tests.cluster.leaks import everything, holds, kept_files
from tests.cluster.tiny_stack import Recorder
from tests.plans import ROOT

pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/part-of=elastic-vllm"
KINDS = (
    ("v1", "Namespace"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("karpenter.sh/v1", "NodePool"),
    ("karpenter.kwok.sh/v1alpha1", "KWOKNodeClass"),
)
PLAY = {
    "name": "twins",
    "description": "Up to 3.2 replicas' worth and back, as fast as the policy can follow.",
    "compression": 40,
    "seed": 7,
    "mix": {"text": 0.7, "one-image": 0.3},
    "plannedReplicas": 4,
    "phases": [
        {"name": "ramp", "seconds": 60, "load": {"from": 0.6, "to": 3.0}},
        {"name": "peak", "seconds": 50, "load": 3.2},
        {"name": "trough", "seconds": 50, "load": 0.0},
    ],
    "settleSeconds": 90,
}
CANARY = f"canary-{token_hex(12)}"
"""The key that clients of ``good-a`` must send."""
KEYS = "elastic-vllm:apiKeys"
KILL: dict[str, object] = {"faults": [{"at": 104, "kind": "kill-node"}]}
TWINS: Mapping[str, tuple[dict[str, object], dict[str, object], dict[str, object]]] = {
    # name: what its model, its pool and its scenario have that the good ones have not
    "good-a": ({"requireApiKey": True}, {}, {}),
    "good-b": ({}, {}, {}),
    "max-three": ({"replicas": {"min": 1, "max": 3}}, {}, {}),
    "no-room": ({}, {"maxNodes": 2}, {}),
    "killed": ({}, {}, KILL),
}


class Silent:
    """A listener that only counts."""

    def update(self, second: Second, happenings: list[Happening]) -> None:
        pass


def sections() -> dict[str, Any]:
    local: dict[str, Any] = stack_config.read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml")
    (model,), (pool,) = local["models"], local["pools"]
    return local | {
        "namespace": "twins",
        "models": [model | {"name": name, "pool": name} | changes for name, (changes, _, _) in TWINS.items()],
        "pools": [pool | {"name": name} | changes for name, (_, changes, _) in TWINS.items()],
    }


def drilled(ref: StackRef, raw: dict[str, Any], name: str) -> Run:
    play = scenario.parse(PLAY | TWINS[name][2], "twins")
    return perform(stage(ref, stack_config.parse(raw), name, play.compression), play, Silent())


@pytest.fixture(scope="module")
def said() -> Recorder:
    """All that the engine said."""
    return Recorder()


@pytest.fixture(scope="module")
def runs(cluster: Layout, said: Recorder) -> Iterator[Mapping[str, Run]]:
    raw = sections()
    plain = stack_ref("local", root=ROOT, kubeconfig=cluster.kubeconfig, home=cluster.root)
    config = {
        f"elastic-vllm:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in raw.items()
    } | {KEYS: json.dumps({"good-a": CANARY})}
    ref = replace(plain, name="twins", config=config, secret_keys=(KEYS,))
    ref = stage(ref, stack_config.parse(raw), None, 40).ref
    api = connect(cluster.kubeconfig)
    assert not api.list("v1", "Node", ""), "the drill has to begin with no node at all"
    deploy.up(ref, reporter=said)
    with ThreadPoolExecutor(len(TWINS)) as pool:
        futures = {name: pool.submit(drilled, ref, raw, name) for name in TWINS}
        yield {name: future.result() for name, future in futures.items()}
    deploy.destroy(ref, reporter=said)
    await_no_nodes(api, list(TWINS))
    left = [kind for version, kind in KINDS if api.list(version, kind, "", labelSelector=OURS)]
    assert not left, "destroy has to leave nothing of ours"


def failed(run: Run) -> set[str]:
    return {check.id for check in run.checks if not check.passed}


@pytest.mark.parametrize("name", ["good-a", "good-b"])
def test_a_stack_with_room_keeps_every_check_from_one_to_four_replicas_and_back(
    runs: Mapping[str, Run], name: str
) -> None:
    run = runs[name]
    assert not failed(run), [p for p in run.checks if not p.passed]
    assert [one.k for one in run.ready][:4] == [1, 2, 3, 4]
    assert max(sum(second.nodes.values()) for second in run.seconds) >= 4
    assert run.seconds[-1].nodes == {run.machine: 1}


def test_two_runs_of_the_same_scenario_send_the_same_requests_and_agree_on_the_verdict(
    runs: Mapping[str, Run],
) -> None:
    one, other = runs["good-a"], runs["good-b"]
    assert one.ledger.sent == other.ledger.sent > 300
    assert (one.passed, failed(one)) == (other.passed, failed(other))


def test_every_request_is_accounted_for_at_every_second(runs: Mapping[str, Run]) -> None:
    for run in runs.values():
        for mark in run.ledger_marks:
            ledger = mark.ledger
            assert ledger.sent == ledger.answered + ledger.refused + ledger.aborted + ledger.in_flight


@pytest.mark.parametrize(
    ("name", "check"),
    [("max-three", "reaches-planned"), ("no-room", "reaches-planned"), ("killed", "nothing-aborted")],
)
def test_a_stack_that_cannot_hold_its_check_is_told_which_one(
    runs: Mapping[str, Run], name: str, check: str
) -> None:
    assert check in failed(runs[name])
    assert not runs[name].passed


def test_a_killed_node_is_recorded_and_cuts_only_what_it_held(runs: Mapping[str, Run]) -> None:
    run = runs["killed"]
    (told,) = (one.text for one in run.happenings if one.kind == "fault")
    held = re.fullmatch(r"killed without notice, (\d+) requests in flight", told)
    assert held, told
    assert failed(run) <= {"nothing-aborted"}
    assert 0 < run.ledger.aborted <= int(held[1])


def test_the_report_carries_the_hash_of_the_run_that_it_shows(
    runs: Mapping[str, Run], tmp_path: Path
) -> None:
    report = files.write(runs["good-a"], tmp_path)
    digest = hashlib.sha256(report.run.read_bytes()).hexdigest()
    assert digest == report.sha256 == hashlib.sha256(runs["good-a"].to_json().encode()).hexdigest()
    assert digest in report.page.read_text()


def test_an_api_key_is_in_its_secret_and_in_no_other_object_log_diff_file_or_report(
    runs: Mapping[str, Run], cluster: Layout, said: Recorder, tmp_path: Path
) -> None:
    found = {name: repr(item) for name, item in everything(connect(cluster.kubeconfig))}
    assert [name for name, item in found.items() if holds(item, CANARY)] == ["Secret twins/good-a-api-key"]
    assert {name.partition(" ")[0] for name in found} >= {"Pod", "ConfigMap", "Event", "ReplicaSet", "Lease"}
    files.write(runs["good-a"], tmp_path)
    paths = [*kept_files(cluster), *(path for path in tmp_path.rglob("*") if path.is_file())]
    assert {path.name for path in paths} >= {"kube-apiserver.log", "karpenter.log", "run.json", "index.html"}
    assert [path for path in paths if holds(path.read_text(errors="replace"), CANARY)] == []
    assert not holds("\n".join(said.lines) + repr(said.changes), CANARY)
