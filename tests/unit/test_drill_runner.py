"""How long a drill lasts: all of its phases, and on until everything is given back, but not for ever."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from elastic_vllm import catalog
from elastic_vllm.simulate.timeline import Happening, Run, Second
from fleet.drill import metrics, runner
from fleet.drill.kubelets import Kubelets
from fleet.drill.setting import Setting
from fleet.drill.view import Change, Pod, View, Watch
from fleet.kube.apiserver import Apiserver
from fleet.kube.kubeconfig import Connection
from tests import drill_load
from tests.drills import scenario

NOWHERE = Apiserver(Connection("http://nowhere.invalid", {}, None))
REPLICA = Pod(phase="Running", ready=True, node="n-0", leaving=False, started=0.0, ready_changed=1.0)
AT_REST = View(wanted=1, pods={"a": REPLICA}, nodes={"n-0": "g5.xlarge"})
NODE_LEFT = replace(AT_REST, nodes={"n-0": "g5.xlarge", "n-1": "g5.xlarge"})


@dataclass
class Clock:
    """Time that passes only while the drill waits."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class Returning(Watch):
    """At rest, but for one node that is given back at a moment."""

    def __init__(self, clock: Clock, given_back_at: float) -> None:
        super().__init__(NOWHERE, "inference", drill_load.spec())
        self.clock, self.at = clock, clock.now + given_back_at

    def __enter__(self) -> "Returning":
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    @property
    def complete(self) -> bool:
        return True

    @property
    def view(self) -> View:
        return AT_REST if self.clock.now >= self.at else NODE_LEFT

    @view.setter
    def view(self, view: View) -> None:
        pass

    def next(self, timeout_seconds: float) -> Change | None:
        self.clock.now += timeout_seconds
        return None


class Silent:
    def update(self, second: Second, happenings: list[Happening]) -> None:
        pass


def played(monkeypatch: pytest.MonkeyPatch, given_back_at: float, settle_seconds: float = 10) -> Run:
    clock = Clock()
    setting = Setting(
        stack="mine",
        namespace="inference",
        model=drill_load.spec(),
        machine=catalog.machine_for("aws", "a10g", 1),
        usd_per_node_hour=0.8,
        node_autoscaler="Karpenter",
        boot_seconds=1,
        load_seconds=1,
        compression=1,
    )
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=clock.monotonic, time=clock.time))
    monkeypatch.setattr(runner, "settle", lambda *_: None)
    monkeypatch.setattr(runner, "Watch", lambda *_: Returning(clock, given_back_at))
    monkeypatch.setattr(metrics, "read", lambda *_: [])
    monkeypatch.setattr(Kubelets, "tell", lambda *_: None)
    return runner.play(NOWHERE, setting, scenario(settle_seconds), drill_load.real(), Silent())


def test_a_drill_that_is_at_rest_when_its_phases_are_over_ends_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = played(monkeypatch, given_back_at=5)
    assert run.duration_seconds == len(run.seconds) == 20


def test_a_node_that_is_given_back_after_the_last_phase_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = played(monkeypatch, given_back_at=23.5)
    assert run.duration_seconds == run.seconds[-1].t == 24
    assert run.seconds[-1].nodes == {"g5.xlarge": 1}


def test_what_is_never_given_back_is_waited_for_no_longer_than_the_scenario_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = played(monkeypatch, given_back_at=1000)
    assert run.duration_seconds == 30
    assert run.seconds[-1].nodes == {"g5.xlarge": 2}


def test_no_request_is_sent_while_the_drill_waits_for_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = (played(monkeypatch, given_back_at=at) for at in (5, 1000))
    assert 0 < short.ledger.sent == long.ledger.sent
    assert all(second.offered_rps == 0 for second in long.seconds[20:])


def test_a_new_group_serves_under_the_name_of_one_that_was_lost() -> None:
    old = replace(REPLICA, started=100.0)
    assert runner._states(View(pods={"expert-0": old}), {"expert-0": 100.0}) == {}
    new = replace(REPLICA, started=160.0)
    assert runner._states(View(pods={"expert-0": new}), {"expert-0": 100.0}) == {"expert-0": "ready"}


def test_a_group_that_has_lost_a_part_serves_nobody() -> None:
    view = View(pods={"expert-0": replace(REPLICA, leader="expert-0")}, group_size=2)
    assert runner._states(view, {}) == {}
