"""What is in flight at each replica, and where arrivals go: the drill's dispatcher in the mean. Pure.

Each request goes to a replica with least in flight, so replicas with equally much stay alike: they are one
level, however many they are. A new replica is a level of its own until the others have come down to it or it
has filled up to them; what already waits at a replica stays there, as a request that was sent does.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from elastic_vllm.simulate.forecast.mean_replica import MeanReplica

SHORT = 1.0
"""Seconds in which a replica's own course shows."""
_ALIKE = 0.01
"""Levels closer than this share, or a tenth of a request, become one."""


@dataclass(slots=True)
class Level:
    """Replicas with equally much in flight."""

    in_flight: float
    names: set[str]
    core_seconds: float = 0.0
    """CPU used since the level exists, by each of them."""


class Served(NamedTuple):
    """One stretch of time."""

    sent: float
    """Requests."""
    refused: float
    ttft_p99: float | None
    """Seconds, for what arrives now; None where no replica answers."""


@dataclass
class Queues:
    """All replicas that hold requests; those that are leaving get no new ones."""

    engine: MeanReplica
    _levels: list[Level] = field(default_factory=list)
    """By what is in flight, least first."""
    _leaving: dict[str, Level] = field(default_factory=dict)
    _used_before: dict[str, float] = field(default_factory=dict)
    """Core seconds of a replica beyond those of its level."""

    @property
    def even(self) -> bool:
        """Whether all replicas are alike."""
        return len(self._levels) <= 1 and not self._leaving

    @property
    def in_flight(self) -> float:
        """At all replicas together."""
        answering = sum(level.in_flight * len(level.names) for level in self._levels)
        return answering + sum(level.in_flight for level in self._leaving.values())

    def stride(self, rps: float) -> float:
        """For how many seconds ``advance`` is exact under this load; infinite where all goes on as it is."""
        if not self.even:
            return SHORT
        if not self._levels:
            return math.inf
        level = self._levels[0]
        share = rps / len(level.names)
        spare = self.engine.capacity - share
        waiting = level.in_flight - self.engine.seats
        if waiting > 0:
            return math.inf if spare <= 0 else max(SHORT, waiting / spare)
        if spare <= 0:
            return SHORT
        settled = self.engine.settled(share)
        return math.inf if abs(level.in_flight - settled) <= 0.02 * settled + 0.01 else SHORT

    def add(self, name: str) -> None:
        """A replica begins to answer."""
        self._levels.insert(0, Level(0.0, {name}))
        self._used_before[name] = 0.0
        self._join_alike()

    def leave(self, name: str) -> float:
        """A replica is deleted; the seconds until all that it holds is answered."""
        level = next(level for level in self._levels if name in level.names)
        level.names.discard(name)
        if not level.names:
            self._levels.remove(level)
        self._leaving[name] = Level(level.in_flight, {name}, level.core_seconds)
        waiting = max(0.0, level.in_flight - self.engine.seats)
        return waiting / self.engine.capacity + self.engine.residence(level.in_flight) * min(
            level.in_flight, 1.0
        )

    def remove(self, name: str) -> None:
        """A leaving replica is gone."""
        del self._leaving[name], self._used_before[name]

    def held(self, name: str) -> float:
        """Requests in flight at a replica that answers."""
        levels = (*self._levels, *self._leaving.values())
        return next((level.in_flight for level in levels if name in level.names), 0.0)

    def cores(self) -> dict[str, float]:
        """What each uses at this moment."""
        levels = (*self._levels, *self._leaving.values())
        return {name: self.engine.cores(level.in_flight) for level in levels for name in level.names}

    def core_seconds(self) -> dict[str, float]:
        """CPU that each has used since it began to answer."""
        before = self._used_before
        return {
            name: level.core_seconds + before[name]
            for level in (*self._levels, *self._leaving.values())
            for name in level.names
        }

    def advance(self, seconds: float, rps: float) -> Served:
        """Time goes on under this load."""
        if not self.even:
            self._uneven(seconds, rps)
        if not self._levels:
            return Served(rps * seconds, rps * seconds, None)
        least = self._levels[0]
        refused = self._pass(least, seconds, rps / len(least.names)) * len(least.names)
        if len(self._levels) > 1:
            self._join_alike()
        return Served(rps * seconds, refused, self.engine.ttft_p99(least.in_flight))

    def _uneven(self, seconds: float, rps: float) -> None:
        """All but the level that gets what arrives."""
        for level in self._leaving.values():
            self._pass(level, seconds, 0.0)
        self._meet(seconds, rps)
        for level in self._levels[1:]:
            self._pass(level, seconds, 0.0)

    def _meet(self, seconds: float, rps: float) -> None:
        """Levels that the lowest one reaches in this time share what arrives in it."""
        while len(self._levels) > 1:
            least, following = self._levels[:2]
            filled = self.engine.after(least.in_flight, rps / len(least.names), seconds)
            if filled < self.engine.after(following.in_flight, 0.0, seconds):
                return
            self._levels[:2] = [self._joined(least, following)]

    def _pass(self, level: Level, seconds: float, arrivals: float) -> float:
        """One level alone; requests that each of its replicas refuses."""
        level.in_flight, core_seconds, refused = self.engine.passed(level.in_flight, arrivals, seconds)
        level.core_seconds += core_seconds
        return refused

    def _join_alike(self) -> None:
        joined: list[Level] = []
        for level in sorted(self._levels, key=lambda each: each.in_flight):
            last = joined[-1] if joined else None
            if last is not None and level.in_flight - last.in_flight <= _ALIKE * level.in_flight + 0.1:
                joined[-1] = self._joined(last, level)
            else:
                joined.append(level)
        self._levels = joined

    def _joined(self, one: Level, other: Level) -> Level:
        """One level of two; requests in flight are neither lost nor made."""
        total = one.in_flight * len(one.names) + other.in_flight * len(other.names)
        into, rest = (one, other) if len(one.names) >= len(other.names) else (other, one)
        for name in rest.names:
            self._used_before[name] += rest.core_seconds - into.core_seconds
        into.names |= rest.names
        into.in_flight = total / len(into.names)
        return into
