"""A replica of several engines behind one API server, each simulated alone. Time is given.

The API server sends a request to the engine that has least in flight, as vLLM's own balancer does while no
cache is short. Its limit of what may be in flight is over all engines.
"""

from collections import deque
from dataclasses import replace

from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.replica import Finished, FirstToken, Replica
from elastic_vllm.simulate.traffic import Request


class Engines:
    """What a ``Replica`` is, of several. ``now`` never goes back."""

    def __init__(self, name: str, load_model: LoadModel) -> None:
        self.name = name
        limits = load_model.limits
        alone = replace(load_model, engines=1, limits=replace(limits, queue=None))
        self._engines = deque(Replica(f"{name}/{rank}", alone) for rank in range(load_model.engines))
        """The next in turn comes first, where all have as much to do."""
        self._most = None if limits.queue is None else load_model.engines * limits.seats + limits.queue

    @property
    def waiting(self) -> int:
        """Requests in the engines' queues."""
        return sum(engine.waiting for engine in self._engines)

    @property
    def running(self) -> int:
        """Requests that the engines work on."""
        return sum(engine.running for engine in self._engines)

    @property
    def in_flight(self) -> int:
        """All that were accepted and are not over."""
        return sum(engine.in_flight for engine in self._engines)

    def offer(self, request: Request, now: float) -> bool:
        """Send a request to an engine, unless too much is in flight, or the engine does not take it."""
        self.step(now)
        if self._most is not None and self.in_flight >= self._most:
            return False
        chosen = min(self._engines, key=lambda engine: engine.in_flight)
        self._engines.rotate(-1)
        return chosen.offer(request, now)

    def step(self, now: float) -> None:
        """Do all that is over by ``now``."""
        for engine in self._engines:
            engine.step(now)

    def take(self) -> tuple[list[FirstToken], list[Finished]]:
        """What happened since the last call."""
        taken = [engine.take() for engine in self._engines]
        return [token for tokens, _ in taken for token in tokens], [one for _, ones in taken for one in ones]

    def give_up(self, sent_before: float) -> int:
        """Clients of requests that were sent before a moment and still wait go away; how many."""
        return sum(engine.give_up(sent_before) for engine in self._engines)

    def drain(self, now: float, deadline: float) -> None:
        """SIGTERM, for all engines alike."""
        for engine in self._engines:
            engine.drain(now, deadline)

    def expire(self, now: float) -> int:
        """What was still in flight at the drain's deadline, if that has come, is aborted; how many."""
        return sum(engine.expire(now) for engine in self._engines)

    def abort(self) -> int:
        """The engines are gone: all in flight is lost; how many."""
        return sum(engine.abort() for engine in self._engines)

    def busy(self) -> float:
        """The share of the last second in which a step was under way, in the mean of the engines."""
        return sum(engine.busy() for engine in self._engines) / len(self._engines)

    def remaining_seconds(self) -> float:
        """When all in flight is answered if nothing more comes: when the last engine is done."""
        return max(engine.remaining_seconds() for engine in self._engines)


def replica_of(name: str, load_model: LoadModel) -> Replica | Engines:
    """A replica that nothing was sent to yet."""
    return Replica(name, load_model) if load_model.engines == 1 else Engines(name, load_model)
