"""One model under one trace of load: HPA, node autoscaler, boot, load and queues, from event to event.

Nothing is random: requests are a rate, periods have fixed phases. Where nothing changes by itself, time goes
in one stride to the next thing that happens; else by the second.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from elastic_vllm.simulate.forecast.autoscaler import Autoscaler
from elastic_vllm.simulate.forecast.conditions import Conditions
from elastic_vllm.simulate.forecast.mean_replica import MeanReplica
from elastic_vllm.simulate.forecast.outcome import Moment, Outcome, Totals
from elastic_vllm.simulate.forecast.places import Places
from elastic_vllm.simulate.forecast.pool import Node, Pool
from elastic_vllm.simulate.forecast.queues import SHORT, Queues
from elastic_vllm.simulate.forecast.replicas import Replica, first_to_go
from elastic_vllm.simulate.scenario import Scenario
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm.deployment import is_autoscaled


def simulate(conditions: Conditions, trace: Scenario, engine: MeanReplica) -> Outcome:
    """The whole trace, from rest: the minimum of replicas is ready, on the nodes that they need."""
    return _Simulation(conditions, trace, engine).run()


@dataclass
class _Simulation:
    conditions: Conditions
    trace: Scenario
    engine: MeanReplica
    _now: float = 0.0
    _wanted: int = 0
    _replicas: list[Replica] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        conditions = self.conditions
        self._order, self._names = count(), count()
        self._queues = Queues(self.engine)
        self._pool = Pool(conditions.replicas_per_node, conditions.min_nodes, conditions.max_nodes)
        self._places = Places(self._pool, self._model.nodes_per_replica, self._model.headroom)
        self._autoscaler = Autoscaler(self._model)
        self._slo = self._model.slo
        self._totals = Totals()
        self._ordering = False

    @property
    def _model(self) -> ModelSpec:
        return self.conditions.model

    def run(self) -> Outcome:
        """Until the trace is over."""
        self._rest()
        periods, end = self.conditions.periods, self.trace.duration_seconds
        self._every(periods.first_scrape, periods.scrape_seconds, self._scrape)
        if is_autoscaled(self._model.replicas):
            self._every(periods.first_sync, periods.sync_seconds, self._sync)
        self._every(periods.first_sync, periods.sync_seconds, self._note)
        for begin in self.trace.begins:  # no stride goes past a jump of the load
            self._at(begin, self._note)
        while self._now < end:
            until = min(self._events[0][0], end)
            while self._now < until:
                self._pass(until)
            while self._events[0][0] <= self._now:
                heapq.heappop(self._events)[2]()
        self._note()
        return self._totals.outcome(self.trace, self.conditions, self._autoscaler.unknown)

    def _rest(self) -> None:
        """What is there before the trace: as if it had been so for long."""
        self._wanted = self._model.replicas.min
        for _ in range(self._wanted):
            self._new()
        there = self._pool.registered * self._pool.slots
        for node in self._pool.order(self._places.missing(self._replicas) - there, -math.inf):
            self._pool.register(node)
        for replica in self._replicas:
            self._places.seat(replica)
            if self._places.is_placed(replica):
                replica.started_t = replica.ready_changed_t = -86_400.0
                replica.ready, replica.used = True, 0.0
                self._queues.add(replica.name)
        self._places.warm_up()
        self._reached()

    # Time.

    def _at(self, t: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (t, next(self._order), do))

    def _every(self, first: float, period: float, do: Callable[[], None]) -> None:
        def again() -> None:
            do()
            self._at(self._now + period, again)

        self._at(first, again)

    def _pass(self, until: float) -> None:
        """One stride, at most to the next event."""
        now, at, queues, pool = self._now, self.trace.load_at, self._queues, self._pool
        capacity, left = self.engine.capacity, until - now
        seconds = min(left, queues.stride(at(now + min(SHORT, left) / 2) * capacity))
        served = queues.advance(seconds, at(now + seconds / 2) * capacity)
        self._totals.passed(seconds, served, self._slo, nodes=len(pool.nodes), registered=pool.registered)
        self._now = now + seconds

    # What the controllers do.

    def _scrape(self) -> None:
        periods = self.conditions.periods
        used = self._queues.core_seconds()
        cores = {} if periods.averaged else self._queues.cores()
        for one in self._replicas:
            if one.started_t is not None:
                one.scraped(self._now, periods.scrape_seconds, used.get(one.name, 0.0), cores.get(one.name))

    def _sync(self) -> None:
        desired = self._autoscaler.desired(self._now, self._wanted, self._replicas, self._queues)
        if desired == self._wanted:
            return
        self._totals.changed(self._now, self._wanted, desired)
        there = [one for one in self._replicas if not one.leaving]
        self._wanted = desired
        if desired > len(there):
            self._at(self._now + self.conditions.periods.creation_seconds, self._create)
        else:
            for one in first_to_go(there)[: len(there) - desired]:
                self._delete(one)

    def _create(self) -> None:
        """What is wanted and not there. A group waits until the last one of its number is gone."""
        leaving = sum(one.leaving for one in self._replicas)
        missing = self._wanted - (len(self._replicas) - leaving)
        for _ in range(missing - leaving if self._model.is_group else missing):
            self._new()
        self._place()

    def _place(self) -> None:
        """Replicas without a node take what is free; for the others nodes are ordered a little later."""
        periods = self.conditions.periods
        for one in self._replicas:
            if not self._places.is_placed(one) and not one.leaving:
                wait = periods.yielding_seconds if self._places.seat(one) else 0.0
                if self._places.is_placed(one):
                    self._at(self._now + wait, partial(self._start, one))
        self._places.warm_up()
        if self._places.missing(self._replicas) and not self._ordering:
            self._ordering = True
            self._at(self._now + periods.batch_seconds, self._order_nodes)

    def _order_nodes(self) -> None:
        self._ordering = False
        waiting = self._places.missing(self._replicas)
        for node in self._pool.order(waiting, self._now):
            self._at(self._now + self.conditions.boot_seconds, partial(self._register, node))

    def _register(self, node: Node) -> None:
        self._pool.register(node)
        node.empty_since = self._now
        self._at(self._now + self.conditions.periods.binding_seconds, self._place)
        self._look_for_empty()  # it may not be needed any more

    def _start(self, one: Replica) -> None:
        if one in self._replicas and not one.leaving:
            one.started_t = one.ready_changed_t = self._now
            self._at(self._now + self.conditions.load_seconds, partial(self._answer, one))

    def _answer(self, one: Replica) -> None:
        if one in self._replicas and not one.leaving:
            one.ready, one.ready_changed_t = True, self._now
            self._queues.add(one.name)
            one.used = None
            self._reached()

    def _delete(self, one: Replica) -> None:
        one.leaving = True
        if one.started_t is None:
            self._gone(one)
            return
        drain = self._model.drain
        work = self._queues.leave(one.name) if one.ready else 0.0
        forgotten = drain.propagation_seconds  # it works on meanwhile
        left = max(forgotten, min(work, forgotten + drain.finish_seconds))
        if self._model.is_group:  # its other nodes wait for the first, then as for a drain
            left += drain.propagation_seconds + drain.finish_seconds
        self._at(self._now + left, partial(self._gone, one))

    def _gone(self, one: Replica) -> None:
        self._replicas.remove(one)
        if one.ready:
            self._queues.remove(one.name)
        if one.nodes:
            self._places.leave(one, self._now)
            self._place()
            self._look_for_empty()
        if self._model.is_group and self._wanted > len(self._replicas):
            self._create()

    def _look_for_empty(self) -> None:
        """The node autoscaler looks again and again; here, when it may find an empty node."""
        periods, after = self.conditions.periods, self.conditions.consolidate_after_seconds
        looks = math.ceil((self._now + after - periods.first_poll) / periods.poll_seconds)
        self._at(periods.first_poll + looks * periods.poll_seconds, self._poll)

    def _poll(self) -> None:
        """It looks on for a while before it gives empty nodes back."""
        empty = self._pool.empty(self._now, self.conditions.consolidate_after_seconds)
        if empty:
            self._at(self._now + self.conditions.periods.validation_seconds, partial(self._give_back, empty))

    def _give_back(self, nodes: list[Node]) -> None:
        for node in nodes:
            self._pool.remove(node)
        self._place()  # where the pool is full, another may be ordered now

    # What is noted.

    def _new(self) -> Replica:
        request = self._model.resources.cpu * 1000
        self._replicas.append(Replica(f"{self._model.name}-{next(self._names)}", self._now, request))
        return self._replicas[-1]

    def _reached(self) -> None:
        ready = sum(one.serving for one in self._replicas)
        self._totals.reached(self._now, ready)

    def _note(self) -> None:
        self._totals.note(
            Moment(
                t=self._now,
                load=self.trace.load_at(self._now),
                wanted=self._wanted,
                ready=sum(one.serving for one in self._replicas),
                nodes=self._pool.registered,
                in_flight=self._queues.in_flight,
                ttft_p99=self._totals.ttft_p99,
            )
        )
