"""What one replica can do with a mix of requests: its engine's limits, its capacity, its CPU use. Pure.

Each number comes from ``load_model.yaml`` or the catalogue; what is assumed can be listed. Not modelled:
prefix caching beyond the prompt lengths given, and preemption.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

from elastic_vllm import catalog
from elastic_vllm.estimate import memory
from elastic_vllm.estimate.step_time import StepTime
from elastic_vllm.simulate.figures import Lengths, ShapeName, table
from elastic_vllm.simulate.timeline import Assumption
from elastic_vllm.spec import DrainSpec, ModelSpec

_SAMPLES = 4000
"""Requests drawn to estimate the mix's means; always the same ones."""


class Demand(NamedTuple):
    """What one request asks of an engine."""

    shape: ShapeName
    prompt_tokens: int
    """Text, images and template together."""
    images: int
    answer_tokens: int

    @property
    def tokens(self) -> int:
        """KV cache that it needs in the end."""
        return self.prompt_tokens + self.answer_tokens


@dataclass(frozen=True, kw_only=True)
class Means:
    """What the mix comes to on average."""

    answer: float
    """Tokens of an answer, hence steps that a request runs."""
    prompt: float
    """Tokens of a prompt, images included."""
    images: float
    """Images of a request."""
    cached: float
    """Tokens that a running request has cached."""
    running: float
    """Requests that run when all seats, or all of the KV cache, are taken."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an engine admits. Made by ``of``."""

    seats: int
    """``max_num_seqs``: requests batched together at most."""
    step_tokens: int
    """``max_num_batched_tokens``: tokens computed in one step at most."""
    kv_tokens: int
    """Tokens that the KV cache holds."""
    queue: int | None
    """How many may wait in a replica, before all its engines; further ones get 503. None: any number."""
    context: int
    """``max_model_len``."""
    answer: int
    """Tokens of an answer at most."""
    images: int
    """Images in a request at most."""

    @classmethod
    def of(cls, model: ModelSpec, accelerator: str) -> Self:
        """As declared, else vLLM's defaults. Refuses what leaves no room for a KV cache."""
        gpu, engine = catalog.accelerators()[accelerator], model.engine
        kv_tokens = memory.fit_on(model, gpu).tokens
        if kv_tokens < engine.max_model_len:
            raise ValueError(
                f"engine.maxModelLen ({model.name}): {engine.max_model_len} tokens, but {model.checkpoint} "
                f"leaves KV cache for {kv_tokens} on {model.gpus_per_replica} x {accelerator}; lower it, or "
                "take a smaller or an FP8 checkpoint, a larger accelerator, or more gpusPerReplica"
            )
        batch = memory.batch_of(engine, gpu)
        return cls(
            seats=batch.sequences,
            step_tokens=batch.tokens,
            kv_tokens=kv_tokens,
            queue=engine.max_queued_requests,
            context=engine.max_model_len,
            answer=model.sampling.max_tokens,
            images=engine.images_per_prompt,
        )


@dataclass(frozen=True, kw_only=True)
class LoadModel:
    """One replica of one model, and the mix of requests that it serves. Made by ``for_model``."""

    mix: Mapping[ShapeName, float]
    """The share of each shape."""
    limits: Limits
    """Of each engine."""
    pace: StepTime
    """Of each engine."""
    drain: DrainSpec
    """How a replica ends."""
    engine_cores: float
    """Cores that are busy while the engines work: a core each and, with several GPUs, their workers.

    Of a group, those of the pod that answers: the only one whose usage the autoscaler reads.
    """
    node_cores: float
    """What its node has for it at most; no CPU limit is set."""
    assumptions: tuple[Assumption, ...] = field(repr=False)
    """All that is not sourced, for the report."""
    engines: int = 1
    """Behind the API server of a replica; what follows is of all of them, unless it says otherwise."""

    @classmethod
    def for_model(
        cls, model: ModelSpec, accelerator: str, mix: Mapping[ShapeName, float], node_cores: float = math.inf
    ) -> Self:
        """The model on these GPUs; its CPU use ends at what its node can give it."""
        row, figures = catalog.models()[model.checkpoint], table().figures
        return cls(
            mix=dict(mix),
            limits=Limits.of(model, accelerator),
            pace=StepTime.of(model, accelerator, patches=table().image_patches),
            drain=model.drain,
            engine_cores=model.engines_per_replica * figures.engine_cores.value
            + model.workers * figures.worker_cores.value,
            node_cores=node_cores,
            assumptions=table().assumptions(row, accelerator, model.tensor_parallel),
            engines=model.engines_per_replica,
        )

    def draw(self, rng: random.Random) -> Demand:
        """One request of the mix; the same generator gives the same one."""
        name = rng.choices(list(self.mix), weights=list(self.mix.values()))[0]
        shape, figures, limits = table().shapes[name], table().figures, self.limits
        images = min(rng.randint(*shape.images), limits.images)
        each = round(
            figures.image_pixels.value / figures.pixels_per_token.value + figures.image_marker_tokens.value
        )
        text = _length(shape.prompt, rng) + round(figures.template_tokens.value)
        answer = min(_length(shape.answer, rng), limits.answer, limits.context - 1)
        return Demand(name, min(text + images * each, limits.context - answer), images, answer)

    def frontend_seconds(self, images: int) -> float:
        """What the API server spends on a request before the engine sees it."""
        return table().figures.request_seconds.value + images * table().figures.image_seconds.value

    @cached_property
    def capacity_rps(self) -> float:
        """Requests per second that one replica sustains: what it answers when it is never without work.

        Then each step answers a token of every running request and begins as many prompts as answers end.
        """
        return self.engines * self._saturation[0]

    @cached_property
    def _saturation(self) -> tuple[float, float]:
        """Requests per second, and requests running, of an engine that is never without work."""
        means, rng = self.means, random.Random()  # noqa: S311
        rng.setstate(self._drawn[1])
        began = means.running / means.answer
        room = self.limits.step_tokens - round(means.running)
        running, cached = round(means.running), round(means.running * means.cached)
        seconds = sum(
            self.pace.step(running, cached, prompts, images)
            for prompts, images in _batches(self.sample, began, room, rng)
        )
        return began / (seconds / _SAMPLES), means.running

    @property
    def sample(self) -> list[Demand]:
        """Requests of the mix, always the same ones: what its means are taken over."""
        return self._drawn[0]

    @cached_property
    def _drawn(self) -> tuple[list[Demand], tuple[object, ...]]:
        """The sample, and the state in which drawing it leaves a generator."""
        rng = random.Random(0)  # noqa: S311  # a sample, no secret
        return [self.draw(rng) for _ in range(_SAMPLES)], rng.getstate()

    @cached_property
    def means(self) -> Means:
        """Of one request, and of an engine that is never without work."""
        drawn = self.sample
        answer = sum(demand.answer_tokens for demand in drawn) / _SAMPLES
        # What is cached is seen by the token: long answers weigh more than short ones.
        cached = (
            sum(d.answer_tokens * (d.prompt_tokens + d.answer_tokens / 2) for d in drawn) / _SAMPLES / answer
        )
        tokens = sum(d.answer_tokens * d.tokens for d in drawn) / _SAMPLES / answer
        return Means(
            answer=answer,
            prompt=sum(demand.prompt_tokens for demand in drawn) / _SAMPLES,
            images=sum(demand.images for demand in drawn) / _SAMPLES,
            cached=cached,
            running=min(self.limits.seats, self.limits.kv_tokens / tokens),
        )

    @cached_property
    def cores_per_running(self) -> float:
        """The API server's work for one running request: its prompt and images, then a stream of tokens."""
        rps, running = self._saturation
        figures = table().figures
        work = sum(
            self.frontend_seconds(demand.images) + demand.answer_tokens * figures.token_seconds.value
            for demand in self.sample
        )
        return rps * work / _SAMPLES / running

    def cpu_cores(self, running: float, busy: float) -> float:
        """Cores in use: a base, what engines keep busy, and the API server's work for running requests.

        Not a straight line from load: an engine's part is spent as soon as anything runs at all. The API
        server is one process and takes one core at most; beyond that it sends several tokens in one event,
        which costs less and holds nothing up.
        """
        base, api_server = self._figured_cores
        streams = min(running * self.cores_per_running, api_server)
        return min(base + busy * self.engine_cores + streams, self.node_cores)

    @cached_property
    def _figured_cores(self) -> tuple[float, float]:
        figures = table().figures
        return figures.base_cores.value, figures.api_server_cores.value


def _length(lengths: Lengths, rng: random.Random) -> int:
    drawn = round(rng.lognormvariate(math.log(lengths.median), lengths.spread))
    return max(lengths.least, min(drawn, lengths.most))


def _batches(drawn: list[Demand], mean: float, room: int, rng: random.Random) -> list[tuple[int, int]]:
    """New prompt tokens and images of each of many steps: drawn requests, thrown onto steps at random.

    They are every so manieth by length, so that few of them have the mean of all. What exceeds a step's room
    goes on to the next, as chunked prefill does.
    """
    steps = [[0, 0] for _ in range(_SAMPLES)]
    thrown, ordered = round(_SAMPLES * mean), sorted(drawn, key=lambda demand: demand.prompt_tokens)
    for k in range(thrown):
        demand, step = ordered[int((k + 0.5) * len(ordered) / thrown)], rng.choice(steps)
        step[0] += demand.prompt_tokens
        step[1] += demand.images
    batches, left = [], 0
    for prompts, images in steps:
        taken = min(prompts + left, max(room, 1))
        left += prompts - taken
        batches.append((taken, images))
    return batches
