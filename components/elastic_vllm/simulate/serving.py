"""All replicas of a model together: who gets a request, what its client sees, and the ledger. Pure.

It is given the pods that are there and ready, and plays the requests on a simulated engine for each. A pod
that was deleted still gets requests until proxies have forgotten it, works on through its ``preStop`` sleep,
then takes no more (503), and is ended when its drain is over; what is unfinished then, or when the pod
vanishes, is aborted.
"""

import math
import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from elastic_vllm.simulate.engines import Engines, replica_of
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.replica import Replica
from elastic_vllm.simulate.scenario import Dispatch
from elastic_vllm.simulate.timeline import Ledger
from elastic_vllm.simulate.traffic import Request

State = Literal["ready", "leaving"]

TTFT_WINDOW_SECONDS = 10.0
PROPAGATION_SECONDS = 1.0
"""From a pod's deletion until no proxy sends to it any more. Assumed; ``preStop`` must be longer."""


@dataclass(frozen=True)
class Stats:
    """All replicas at a moment."""

    offered_rps: float
    """Requests that clients sent in the last second."""
    running: int
    waiting: int
    ttft_p50: float | None
    ttft_p99: float | None
    """Seconds, over the first tokens of the last ten seconds."""
    cpu_cores: Mapping[str, float]
    """What each replica uses, by pod name, leaving ones included."""
    remaining_seconds: Mapping[str, float]
    """When all that a replica holds is answered if nothing more comes; rather too long than too short."""
    ledger: Ledger


class Serving:
    """Replicas of one model behind one dispatcher. ``now`` never goes back."""

    def __init__(
        self,
        load_model: LoadModel,
        dispatch: Dispatch = "least-in-flight",
        seed: int = 1,
        *,
        max_wait_seconds: float | None = None,
        propagation_seconds: float = PROPAGATION_SECONDS,
    ) -> None:
        """``max_wait_seconds``: how long a client waits for a first token before it counts as refused."""
        self._model = load_model
        self._dispatch = dispatch
        self._rng = random.Random(f"dispatch {seed}")  # noqa: S311  # reproducible, no secret
        self._max_wait = max_wait_seconds
        self._propagation = propagation_seconds
        self._now = 0.0
        self._replicas: dict[str, Replica | Engines] = {}
        self._left_at: dict[str, float] = {}
        self._sent = self._answered = self._refused = self._aborted = 0
        self._offered: deque[float] = deque()
        self._ttfts: deque[tuple[float, float]] = deque()

    @property
    def ledger(self) -> Ledger:
        """Where every request went so far; what is in flight is counted, not inferred."""
        return Ledger(
            sent=self._sent,
            answered=self._answered,
            refused=self._refused,
            aborted=self._aborted,
            in_flight=sum(replica.in_flight for replica in self._replicas.values()),
        )

    def in_flight(self, names: Iterable[str]) -> int:
        """What these replicas hold."""
        return sum(self._replicas[name].in_flight for name in names if name in self._replicas)

    def step(self, now: float, arrivals: Iterable[Request], replicas: Mapping[str, State]) -> None:
        """Go on to ``now``: the requests sent since the last step, in order, and the pods as they are now."""
        if now < self._now:
            raise ValueError(f"time went back from {self._now} to {now}")
        self._vanish(now, replicas)
        self._appear(replicas)
        self._leave(now, replicas)
        for request in arrivals:
            self._send(request)
        for replica in self._replicas.values():
            self._aborted += replica.expire(now)
            if self._max_wait is not None:
                self._refused += replica.give_up(now - self._max_wait)
            self._collect(replica)
        self._now = now

    def stats(self) -> Stats:
        """The moment of the last step."""
        while self._offered and self._offered[0] <= self._now - 1.0:
            self._offered.popleft()
        while self._ttfts and self._ttfts[0][0] <= self._now - TTFT_WINDOW_SECONDS:
            self._ttfts.popleft()
        ttfts = sorted(ttft for _, ttft in self._ttfts)
        replicas = self._replicas
        return Stats(
            offered_rps=float(len(self._offered)),
            running=sum(replica.running for replica in replicas.values()),
            waiting=sum(replica.waiting for replica in replicas.values()),
            ttft_p50=_quantile(ttfts, 0.50),
            ttft_p99=_quantile(ttfts, 0.99),
            cpu_cores={
                name: self._model.cpu_cores(replica.running, replica.busy())
                for name, replica in replicas.items()
            },
            remaining_seconds={name: replica.remaining_seconds() for name, replica in replicas.items()},
            ledger=self.ledger,
        )

    def _vanish(self, now: float, replicas: Mapping[str, State]) -> None:
        """Pods that are gone take with them what they had not finished."""
        for name in [name for name in self._replicas if name not in replicas]:
            replica = self._replicas.pop(name)
            self._left_at.pop(name, None)
            self._aborted += replica.expire(now)
            self._collect(replica)
            self._aborted += replica.abort()

    def _appear(self, replicas: Mapping[str, State]) -> None:
        for name, state in replicas.items():
            if state == "ready" and name not in self._replicas:
                self._replicas[name] = replica_of(name, self._model)

    def _leave(self, now: float, replicas: Mapping[str, State]) -> None:
        """Notice pods that were deleted, and let those whose ``preStop`` is over drain."""
        drain = self._model.drain
        for name, replica in self._replicas.items():
            if replicas[name] == "leaving":
                self._left_at.setdefault(name, now)
            left_at = self._left_at.get(name, math.inf)
            if now >= left_at + drain.propagation_seconds:
                replica.drain(now, left_at + drain.propagation_seconds + drain.finish_seconds)

    def _send(self, request: Request) -> None:
        self._sent += 1
        self._offered.append(request.t)
        replica = self._choose(request.t)
        if replica is None or not replica.offer(request, request.t):
            self._refused += 1

    def _choose(self, t: float) -> Replica | Engines | None:
        """A replica that proxies still know; ties are drawn, so that no name is preferred."""
        known = [
            replica
            for name, replica in self._replicas.items()
            if t < self._left_at.get(name, math.inf) + self._propagation
        ]
        if self._dispatch == "least-in-flight" and known:
            for replica in known:
                replica.step(t)
            least = min(replica.in_flight for replica in known)
            known = [replica for replica in known if replica.in_flight == least]
        return self._rng.choice(known) if known else None

    def _collect(self, replica: Replica | Engines) -> None:
        first_tokens, finished = replica.take()
        self._answered += len(finished)
        self._ttfts.extend((token.t, token.ttft) for token in first_tokens)


def _quantile(ordered: list[float], share: float) -> float | None:
    """The smallest value that this share of all does not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
