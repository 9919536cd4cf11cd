"""Plays a scenario against a deployed model, in real time, and returns what was recorded.

Owns the clock and the threads. Decides nothing: the controllers decide, the load model says what load is.
"""

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.scenario import Fault, Scenario
from elastic_vllm.simulate.serving import Serving, State
from elastic_vllm.simulate.timeline import Happening, Run, Second
from elastic_vllm.simulate.traffic import arrivals
from fleet.drill import faults, metrics
from fleet.drill.kubelets import Kubelets
from fleet.drill.recorder import Recorder
from fleet.drill.rest import at_rest, patience_seconds, settle
from fleet.drill.setting import Setting
from fleet.drill.view import View, Watch
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object

_TICK_SECONDS = 0.2


class Listener(Protocol):
    """Hears the drill as it happens."""

    def update(self, second: Second, happenings: list[Happening]) -> None:
        """One second is over, and this happened in it."""


def play(api: Apiserver, setting: Setting, scenario: Scenario, load: LoadModel, listener: Listener) -> Run:
    """Run the whole scenario and settle; takes as long as that lasts. The verdict is for others to give."""
    with Watch(api, setting.namespace, setting.model) as watch, ThreadPoolExecutor(12) as pool:
        settle(watch, setting, Kubelets(api, setting.namespace, pool), load.cpu_cores(0, 0))
        drill = _Drill(api, setting, scenario, load, watch, pool)
        drill.run(listener)
        return drill.result()


@dataclass
class _Drill:
    """One drill while it runs."""

    _api: Apiserver
    _setting: Setting
    _scenario: Scenario
    _load: LoadModel
    _watch: Watch
    _pool: ThreadPoolExecutor

    def __post_init__(self) -> None:
        self._serving = Serving(self._load, self._scenario.dispatch, self._scenario.seed)
        self._requests = deque(arrivals(self._scenario, self._load))
        self._faults: deque[Fault] = deque(sorted(self._scenario.faults, key=lambda fault: fault.at))
        self._notices: deque[tuple[float, str]] = deque()
        """When which Spot node is taken away."""
        self._dead: dict[str, float | None] = {}
        """Replicas whose machine is gone, and since when they ran: the watch may not know it yet, and a new
        group has an old one's name."""
        self._kubelets = Kubelets(self._api, self._setting.namespace, self._pool)
        self._recorder = Recorder()
        self._polled: Future[list[Object]] | None = None
        self._usd = 0.0
        self._told = 0
        self._second = 0
        self._epoch, self._start = time.time(), time.monotonic()

    def run(self, listener: Listener) -> None:
        """All phases, and on until everything is given back or the time for that is over."""
        self._recorder.begin(self._watch.view)
        while not self._over():
            self._second += 1
            while (now := self._now()) < self._second:
                self._take_in(min(now + _TICK_SECONDS, self._second))
                self._strike(self._now())
                self._serve(self._now())
            self._end_second(float(self._second), listener)

    def _over(self) -> bool:
        late = self._second - self._scenario.duration_seconds
        if late < 0:
            return False
        return late >= patience_seconds(self._scenario, self._setting) or at_rest(
            self._watch.view, self._setting
        )

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _take_in(self, until: float) -> None:
        """Record what the cluster does, until a moment."""
        while (left := until - self._now()) > 0:
            change = self._watch.next(left)
            if change is not None:
                self._recorder.saw(change.at - self._start, change.view)

    def _serve(self, now: float) -> None:
        due = []
        while self._requests and self._requests[0].t <= now:
            due.append(self._requests.popleft())
        self._serving.step(now, due, _states(self._watch.view, self._dead))

    def _strike(self, now: float) -> None:
        while self._faults and self._faults[0].at <= now:
            fault = self._faults.popleft()
            view, setting = self._watch.view, self._setting
            whom, what = faults.strike(self._api, setting.namespace, view, fault.kind, setting.model.name)
            if fault.kind == "kill-node":
                what += self._lose(view, whom)
            if fault.kind == "spot-interruption" and whom in view.nodes:
                self._notices.append((now + faults.NOTICE_SECONDS, whom))
            self._recorder.fault(now, whom, what)
        while self._notices and self._notices[0][0] <= now:
            _, node = self._notices.popleft()
            view = self._watch.view
            what = faults.reclaim(self._api, self._setting.namespace, view, node)
            self._recorder.note(now, node, what + self._lose(view, node))

    def _lose(self, view: View, node: str) -> str:
        """What dies with a machine dies at once."""
        names = view.on(node)
        self._dead.update((name, one.started) for name, one in view.replicas.items() if name in names)
        held = self._serving.in_flight(names)
        return f", {held} requests in flight" if names else ""

    def _end_second(self, t: float, listener: Listener) -> None:
        stats = self._serving.stats()
        view = self._watch.view
        for name, cores in stats.cpu_cores.items():
            left = stats.remaining_seconds[name]
            self._kubelets.tell(name, cores, self._epoch + t + left if left else 0)
        self._sample(t)
        price = (self._setting.usd_per_node_hour or 0.0) * len(view.nodes)
        self._usd += price / 3600
        request = self._setting.model.resources.cpu
        serving = {name for name, one in view.replicas.items() if one.serving}
        ready = [cores / request for name, cores in stats.cpu_cores.items() if name in serving]
        second = Second(
            t=t,
            phase=self._scenario.phase_at(t),
            offered_rps=stats.offered_rps,
            wanted=view.wanted,
            without_node=view.count("without node"),
            loading=view.count("loading"),
            ready=view.count("ready"),
            leaving=view.count("leaving"),
            nodes=view.machines(),
            running=stats.running,
            waiting=stats.waiting,
            ttft_p50=stats.ttft_p50,
            ttft_p99=stats.ttft_p99,
            usd_per_hour=price,
            usd=self._usd,
            cpu_utilization=100 * sum(ready) / len(ready) if ready else None,
        )
        self._recorder.second(second, stats.ledger)
        listener.update(second, self._recorder.happenings[self._told :])
        self._told = len(self._recorder.happenings)

    def _sample(self, t: float) -> None:
        """Keep the last answer of the metrics API, and ask again; an answer in flight is not waited for."""
        if self._polled is not None:
            if not self._polled.done():
                return
            request = self._setting.model.resources.cpu * 1000
            found = self._polled.result()
            self._recorder.sampled(metrics.sample(t, self._epoch, self._watch.view, found, request))
        self._polled = self._pool.submit(
            metrics.read, self._api, self._setting.namespace, self._setting.model.name
        )

    def result(self) -> Run:
        """The record as one value."""
        setting, record = self._setting, self._recorder
        return Run(
            stack=setting.stack,
            model=setting.model.name,
            checkpoint=setting.model.checkpoint,
            pool=setting.model.pool,
            machine=setting.machine.name,
            usd_per_node_hour=setting.usd_per_node_hour,
            node_autoscaler=setting.node_autoscaler,
            scenario=self._scenario.name,
            seed=self._scenario.seed,
            compression=setting.compression,
            boot_seconds=setting.boot_seconds,
            load_seconds=setting.load_seconds,
            min_replicas=setting.model.replicas.min,
            max_replicas=setting.model.replicas.max,
            headroom=setting.model.headroom,
            ttft_slo_seconds=setting.model.slo.ttft_p99_seconds,
            error_rate_slo=setting.model.slo.error_rate,
            started_at=datetime.fromtimestamp(self._epoch, UTC).isoformat(timespec="seconds"),
            duration_seconds=float(self._second),
            seconds=tuple(record.seconds),
            happenings=tuple(record.happenings),
            scale_changes=tuple(record.scale_changes),
            metric_samples=tuple(record.metric_samples),
            ready=tuple(record.ready),
            ledger=self._serving.ledger,
            ledger_marks=tuple(record.ledger_marks),
            assumptions=self._load.assumptions,
        )


def _states(view: View, dead: Mapping[str, float | None]) -> Mapping[str, State]:
    """The replicas that can hold requests: those that answer, and those that terminate and still do."""
    return {
        name: "leaving" if one.leaving else "ready"
        for name, one in view.replicas.items()
        if (one.ready or one.leaving) and one.whole and (name not in dead or dead[name] != one.started)
    }
