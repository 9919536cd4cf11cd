"""The requests of a scenario, each with its moment: a Poisson process whose rate follows the load. Pure.

Seeded: the same scenario, load model and seed give the same requests, whatever happens to them afterwards.
"""

import random
from typing import NamedTuple

from elastic_vllm.simulate.figures import ShapeName
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.scenario import Scenario


class Request(NamedTuple):
    """One request as its client sends it."""

    id: int
    t: float
    """Seconds since the traffic began."""
    shape: ShapeName
    prompt_tokens: int
    images: int
    answer_tokens: int

    @property
    def tokens(self) -> int:
        """KV cache that it needs in the end."""
        return self.prompt_tokens + self.answer_tokens


def rate(scenario: Scenario, load_model: LoadModel, t: float) -> float:
    """Requests per second that are to be expected at a moment."""
    return scenario.load_at(t) * load_model.capacity_rps


def arrivals(scenario: Scenario, load_model: LoadModel, seed: int | None = None) -> list[Request]:
    """All requests in the order of time; ``seed`` replaces the scenario's.

    Moments are drawn at the peak's rate and thinned. Moments and shapes have generators of their own, so a
    changed mix leaves the moments as they are as long as the capacity is the same.
    """
    seed = scenario.seed if seed is None else seed
    moments, shapes = random.Random(f"moments {seed}"), random.Random(f"shapes {seed}")  # noqa: S311
    highest = scenario.peak_load * load_model.capacity_rps
    requests: list[Request] = []
    t = 0.0
    while highest > 0:
        t += moments.expovariate(highest)
        if t >= scenario.duration_seconds:
            break
        if moments.random() * highest < rate(scenario, load_model, t):
            requests.append(Request(len(requests), t, *load_model.draw(shapes)))
    return requests
