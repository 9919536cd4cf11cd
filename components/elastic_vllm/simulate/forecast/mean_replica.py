"""One replica in the mean: what it answers, computes and keeps busy with so much in flight. Pure.

The drill plays every request; here a replica is one number, its requests in flight, and time passes in
seconds instead of engine steps. All figures are the load model's: at its seats a replica answers exactly
``LoadModel.capacity_rps``. Of several engines each has the same part of what is in flight.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Self

from elastic_vllm.simulate.load_model import Demand, LoadModel

_TAIL = 2.33
"""Standard deviations to the 99th percentile."""
_GRID = 24
"""Points at which the engine's rate is worked out; between them it is taken as a straight line."""

_KEPT = 2**15
"""Answers that are kept of each kind: through a night or on a plateau one stride is like another, and models
that differ in their bounds alone have most of them in common."""


@dataclass(frozen=True)
class _Curve:
    """Straight lines between points; asked for several times in every stride, so its lines are kept."""

    xs: tuple[float, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    """Up to each point but the first: where the line begins, and how far it goes to the right and up."""

    @classmethod
    def of(cls, xs: Sequence[float], ys: Sequence[float]) -> Self:
        """Through these points, the xs rising."""
        ends = zip(pairwise(xs), pairwise(ys), strict=True)
        return cls(tuple(xs), tuple((x0, y0, x1 - x0, y1 - y0) for (x0, x1), (y0, y1) in ends))

    def at(self, x: float) -> float:
        """Beyond the points the first and the last line go on."""
        xs = self.xs
        x0, y0, right, up = self.lines[bisect_left(xs, x, 1, len(xs) - 1) - 1]
        return y0 + up * (x - x0) / right


@dataclass(frozen=True, eq=False)
class MeanReplica:
    """Made by ``of``; a point of the curve is a number of running requests and what they yield."""

    seats: float
    """Requests that run together at most; further ones wait."""
    capacity: float
    """Requests per second with all seats taken."""
    queue: float
    """Requests that may wait; infinite where nothing is refused."""
    _rates: _Curve
    """Answers per second, by requests running."""
    _running: _Curve
    """Requests running, by answers per second."""
    _residences: _Curve
    """Seconds from admission to the last token, by requests running."""
    _prefills: _Curve
    """P99 of the seconds from admission to the first token, by requests running."""
    _load: LoadModel
    _engines: int = 1

    @classmethod
    def of(cls, load: LoadModel) -> Self:
        """The engine of this load model."""
        means, engines = load.means, load.engines
        seats = means.running
        running = tuple(_grid(seats))
        steps = [_step(load, n) for n in running]
        # A mean step takes a little longer than the step of the means; at all seats both are known.
        excess = (seats / means.answer / (load.capacity_rps / engines)) / steps[-1]
        steps = [step * excess ** (n / seats) for n, step in zip(running, steps, strict=True)]
        rates = [n / means.answer / step for n, step in zip(running, steps, strict=True)]
        slow = _slow_demand(load)
        points = (0.0, *(engines * n for n in running))
        answered = (0.0, *(engines * rate for rate in rates))
        return cls(
            seats=engines * seats,
            capacity=load.capacity_rps,
            queue=math.inf if load.limits.queue is None else float(load.limits.queue),
            _rates=_Curve.of(points, answered),
            _running=_Curve.of(answered, points),
            _residences=_Curve.of(points, [means.answer * step for step in (steps[0], *steps)]),
            _prefills=_Curve.of(
                points,
                [
                    _prefill(load, n, slow, step)
                    for n, step in zip((running[0], *running), (steps[0], *steps), strict=True)
                ],
            ),
            _load=load,
            _engines=engines,
        )

    def rate(self, in_flight: float) -> float:
        """Answers per second."""
        return self._rates.at(min(in_flight, self.seats))

    @lru_cache(maxsize=_KEPT)  # noqa: B019  # bounded for all engines together
    def settled(self, arrivals: float) -> float:
        """Requests in flight where as many are answered as arrive; arrivals are below the capacity."""
        return self._running.at(arrivals)

    def residence(self, in_flight: float) -> float:
        """Seconds that a request spends running."""
        return self._residences.at(min(in_flight, self.seats))

    def after(self, in_flight: float, arrivals: float, seconds: float) -> float:
        """Requests in flight so many seconds later, of those that came in between none being refused."""
        if in_flight > self.seats or arrivals >= self.capacity:
            answered = min(self.rate(in_flight) * seconds, in_flight)
            return in_flight + arrivals * seconds - answered
        end = self.settled(arrivals)
        after = end + (in_flight - end) * math.exp(-seconds / self.residence(max(end, in_flight)))
        return max(after, in_flight + (arrivals - self.capacity) * seconds)

    @lru_cache(maxsize=_KEPT)  # noqa: B019  # bounded for all engines together
    def passed(self, in_flight: float, arrivals: float, seconds: float) -> tuple[float, float, float]:
        """Time passes: what is in flight then, the core seconds that were used, and what was refused."""
        after, most = self.after(in_flight, arrivals, seconds), self.seats + self.queue
        left = min(after, most)
        return left, self.cores((in_flight + left) / 2) * seconds, max(0.0, after - most)

    def cores(self, in_flight: float) -> float:
        """CPU in use. Arrivals are independent, so an engine with n in flight has none with odds exp(-n)."""
        running = min(in_flight, self.seats)
        return self._load.cpu_cores(running, 1.0 - math.exp(-running / self._engines))

    @lru_cache(maxsize=_KEPT)  # noqa: B019  # bounded for all engines together
    def ttft_p99(self, in_flight: float) -> float:
        """P99 of the time to first token of what arrives now: the wait for a seat, and the prefill."""
        spread = in_flight + _TAIL * math.sqrt(min(in_flight, self.seats)) if in_flight else 0.0
        wait = max(0.0, max(spread, in_flight) - self.seats) / self.capacity
        return wait + self._prefills.at(min(in_flight, self.seats))


def _grid(seats: float) -> list[float]:
    """From one request to all seats, each point the same factor above the last."""
    points = [max(1.0, seats) ** (k / (_GRID - 1)) for k in range(_GRID)]
    return [*sorted({point for point in points[:-1] if point < seats}), seats]


def _step(load: LoadModel, running: float) -> float:
    """Mean seconds of a step with so many running and as many prompts begun as answers end."""
    means, pace = load.means, load.pace
    begun = running / means.answer
    seconds, odds = 0.0, math.exp(-begun)
    for prompts in range(12):
        seconds += odds * pace.step(
            round(running), round(running * means.cached), round(prompts * means.prompt), 0
        )
        odds *= begun / (prompts + 1)
    return seconds + pace.image * means.images * begun


def _slow_demand(load: LoadModel) -> Demand:
    """The request whose own prefill is slower than that of 99 in 100."""

    def seconds(demand: Demand) -> float:
        return load.frontend_seconds(demand.images) + load.pace.step(
            1, 0, demand.prompt_tokens, demand.images
        )

    ordered = sorted(load.sample, key=seconds)
    return ordered[math.ceil(0.99 * len(ordered)) - 1]


def _prefill(load: LoadModel, running: float, demand: Demand, step: float) -> float:
    """What is left of the step under way, then the request's own, beside the answers that run."""
    cached = round(running * load.means.cached)
    own = load.pace.step(round(running), cached, demand.prompt_tokens, demand.images)
    return load.frontend_seconds(demand.images) + step + own
