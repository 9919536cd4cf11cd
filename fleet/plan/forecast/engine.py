"""One replica in the mean: what it answers, computes and keeps busy with so much in flight. Pure.

The drill plays every request; here a replica is one number, its requests in flight, and time passes in
seconds instead of engine steps. All figures are the load model's: at its seats a replica answers exactly
``LoadModel.capacity_rps``. Of several engines each has the same part of what is in flight.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Self

from fleet.drill.load_model import Demand, LoadModel

_TAIL = 2.33
"""Standard deviations to the 99th percentile."""
_GRID = 24
"""Points at which the engine's rate is worked out; between them it is taken as a straight line."""


@dataclass(frozen=True)
class Engine:
    """Made by ``of``; a point of the curve is a number of running requests and what they yield."""

    seats: float
    """Requests that run together at most; further ones wait."""
    capacity: float
    """Requests per second with all seats taken."""
    queue: float
    """Requests that may wait; infinite where nothing is refused."""
    _running: tuple[float, ...]
    _rates: tuple[float, ...]
    _residences: tuple[float, ...]
    """Seconds from admission to the last token, at each point."""
    _prefills: tuple[float, ...]
    """P99 of the seconds from admission to the first token, at each point."""
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
        return cls(
            seats=engines * seats,
            capacity=load.capacity_rps,
            queue=math.inf if load.limits.queue is None else float(load.limits.queue),
            _running=(0.0, *(engines * n for n in running)),
            _rates=(0.0, *(engines * rate for rate in rates)),
            _residences=tuple(means.answer * step for step in (steps[0], *steps)),
            _prefills=tuple(
                _prefill(load, n, slow, step)
                for n, step in zip((running[0], *running), (steps[0], *steps), strict=True)
            ),
            _load=load,
            _engines=engines,
        )

    def rate(self, in_flight: float) -> float:
        """Answers per second."""
        return _between(self._running, self._rates, min(in_flight, self.seats))

    def settled(self, arrivals: float) -> float:
        """Requests in flight where as many are answered as arrive; arrivals are below the capacity."""
        return _between(self._rates, self._running, arrivals)

    def residence(self, in_flight: float) -> float:
        """Seconds that a request spends running."""
        return _between(self._running, self._residences, min(in_flight, self.seats))

    def after(self, in_flight: float, arrivals: float, seconds: float) -> float:
        """Requests in flight so many seconds later, of those that came in between none being refused."""
        if in_flight > self.seats or arrivals >= self.capacity:
            answered = min(self.rate(in_flight) * seconds, in_flight)
            return in_flight + arrivals * seconds - answered
        end = self.settled(arrivals)
        after = end + (in_flight - end) * math.exp(-seconds / self.residence(max(end, in_flight)))
        return max(after, in_flight + (arrivals - self.capacity) * seconds)

    def cores(self, in_flight: float) -> float:
        """CPU in use. Arrivals are independent, so an engine with n in flight has none with odds exp(-n)."""
        running = min(in_flight, self.seats)
        return self._load.cpu_cores(running, 1.0 - math.exp(-running / self._engines))

    def ttft_p99(self, in_flight: float) -> float:
        """P99 of the time to first token of what arrives now: the wait for a seat, and the prefill."""
        spread = in_flight + _TAIL * math.sqrt(min(in_flight, self.seats)) if in_flight else 0.0
        wait = max(0.0, max(spread, in_flight) - self.seats) / self.capacity
        return wait + _between(self._running, self._prefills, min(in_flight, self.seats))


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


def _between(xs: tuple[float, ...], ys: tuple[float, ...], x: float) -> float:
    """On the straight line between two points of a rising curve."""
    right = min(max(bisect_left(xs, x), 1), len(xs) - 1)
    x0, x1, y0, y1 = xs[right - 1], xs[right], ys[right - 1], ys[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
