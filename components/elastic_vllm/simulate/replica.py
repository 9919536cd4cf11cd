"""One simulated vLLM engine: continuous batching, step by step, as its load model paces it. Time is given.

Steps are the engine's own: each takes what ``StepTime.step`` says, computes one token for every running
request and, with the room left, chunks of the oldest prompts. A step that has begun is not changed by what
arrives meanwhile, so how often ``step`` is called changes nothing. A request's whole KV cache is set aside
when it is admitted: nothing is ever preempted, where vLLM would admit a little earlier and recompute now and
then.
"""

import heapq
import math
from collections import deque
from typing import NamedTuple

from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.simulate.traffic import Request

_WINDOW_SECONDS = 1.0
"""Over which the busy share is taken."""


class FirstToken(NamedTuple):
    """A client sees the answer begin."""

    t: float
    request: int
    ttft: float


class Finished(NamedTuple):
    """A client has the whole answer."""

    t: float
    request: int
    ttft: float
    total: float


class _Prompt:
    """A request that is being prefilled."""

    __slots__ = ("left", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.left = request.prompt_tokens


class Replica:
    """One engine. ``now`` never goes back."""

    def __init__(self, name: str, load_model: LoadModel) -> None:
        self.name = name
        self._model = load_model
        self._now = 0.0
        self._waiting: deque[Request] = deque()
        self._prompts: deque[_Prompt] = deque()
        self._answers: list[tuple[int, int, Request, float]] = []
        """A heap: the step at whose end the answer is complete, the id, the request, its TTFT."""
        self._steps = 0
        self._cached = 0
        self._set_aside = 0
        self._begun_at = 0.0
        self._ends_at: float | None = None
        """When the step under way ends; None: the engine idles."""
        self._done: list[_Prompt] = []
        """Prompts that the step under way completes."""
        self._busy: deque[list[float]] = deque()
        self._deadline: float | None = None
        self._draining = False
        self._first_tokens: list[FirstToken] = []
        self._finished: list[Finished] = []

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Requests that the engine works on: prompts and answers."""
        return len(self._prompts) + len(self._answers)

    @property
    def in_flight(self) -> int:
        """All that were accepted and are not over."""
        return self.waiting + self.running

    def offer(self, request: Request, now: float) -> bool:
        """Take a request, unless the queue is full, it can never fit, or the engine takes no more: 503."""
        self.step(now)
        limits = self._model.limits
        full = limits.queue is not None and self.waiting >= limits.queue
        if self._draining or full or request.tokens > limits.kv_tokens:
            return False
        self._waiting.append(request)
        self._begin(now)
        return True

    def step(self, now: float) -> None:
        """Do all that is over by ``now``."""
        while self._ends_at is not None and self._ends_at <= now:
            ended = self._ends_at
            self._end(ended)
            self._begin(ended)
        self._now = max(self._now, now)

    def take(self) -> tuple[list[FirstToken], list[Finished]]:
        """What happened since the last call."""
        taken = self._first_tokens, self._finished
        self._first_tokens, self._finished = [], []
        return taken

    def give_up(self, sent_before: float) -> int:
        """Clients of requests that were sent before a moment and still wait go away; how many."""
        gone = 0
        while self._waiting and self._waiting[0].t < sent_before:
            self._waiting.popleft()
            gone += 1
        return gone

    def drain(self, now: float, deadline: float) -> None:
        """SIGTERM: take no more, finish what is in flight; the engine ends at the deadline, done or not."""
        self.step(now)
        self._draining = True
        self._deadline = deadline

    def expire(self, now: float) -> int:
        """What was still in flight at the drain's deadline, if that has come, is aborted; how many."""
        if self._deadline is None or now < self._deadline:
            self.step(now)
            return 0
        self.step(self._deadline)
        return self.abort()

    def abort(self) -> int:
        """The engine is gone: all in flight is lost; how many."""
        lost = self.in_flight
        self._waiting.clear()
        self._prompts.clear()
        self._answers.clear()
        self._cached = self._set_aside = 0
        self._ends_at = None
        self._draining = True
        return lost

    def busy(self) -> float:
        """The share of the last second in which a step was under way."""
        since = self._now - _WINDOW_SECONDS
        while self._busy and self._busy[0][1] <= since:
            self._busy.popleft()
        spent = sum(end - max(begin, since) for begin, end in self._busy)
        if self._ends_at is not None:
            spent += self._now - max(self._begun_at, since)
        return min(spent / _WINDOW_SECONDS, 1.0)

    def remaining_seconds(self) -> float:
        """When all in flight is answered if nothing more comes; rather too long than too short.

        No more steps than chunks of prompts, the longest answer, and, where not all can run together, all
        tokens spread over those that can (Graham's bound of list scheduling).
        """
        if not self.in_flight:
            return 0.0
        pace, limits = self._model.pace, self._model.limits
        behind = [prompt.request for prompt in self._prompts] + list(self._waiting)
        answers = [over - self._steps for over, _, _, _ in self._answers]
        answers += [request.answer_tokens for request in behind]
        prompts = sum(prompt.left for prompt in self._prompts) + sum(r.prompt_tokens for r in self._waiting)
        running = min(self.in_flight, limits.seats)
        largest = max((request.tokens for request in self._waiting), default=1)
        together = max(1, min(limits.seats, limits.kv_tokens // largest))
        chunks = math.ceil(prompts / max(1, limits.step_tokens - running))
        needed = self._set_aside + sum(request.tokens for request in self._waiting)
        all_fit = self.in_flight <= limits.seats and needed <= limits.kv_tokens
        steps = chunks + max(answers) + (0 if all_fit else sum(answers) // together + 1)
        cached = min(needed, limits.kv_tokens)
        under_way = 0.0 if self._ends_at is None else self._ends_at - self._now
        images = sum(request.images for request in behind)
        experts = (chunks + len(behind)) * pace.expert_weights
        return (
            under_way
            + steps * pace.step(running, cached, 0, 0)
            + prompts * pace.token
            + images * pace.image
            + experts
        )

    def _begin(self, t: float) -> None:
        """Start the next step if there is anything to do and none is under way."""
        if self._ends_at is not None:
            return
        self._admit()
        if not self._prompts and not self._answers:
            return
        tokens = images = 0
        room = self._model.limits.step_tokens - len(self._answers)
        for prompt in self._prompts:
            taken = min(prompt.left, room - tokens)
            if taken <= 0:
                break
            if prompt.left == prompt.request.prompt_tokens:
                images += prompt.request.images
            prompt.left -= taken
            tokens += taken
            if not prompt.left:
                self._done.append(prompt)
        self._begun_at = t
        self._ends_at = t + self._model.pace.step(len(self._answers), self._cached, tokens, images)
        self._cached += tokens

    def _admit(self) -> None:
        limits = self._model.limits
        while self._waiting and self.running < limits.seats:
            if self._set_aside + self._waiting[0].tokens > limits.kv_tokens:
                return
            request = self._waiting.popleft()
            self._set_aside += request.tokens
            self._prompts.append(_Prompt(request))

    def _end(self, t: float) -> None:
        """The step is over: every running request has a token more, completed prompts have their first."""
        self._steps += 1
        self._cached += len(self._answers)
        self._note_busy(self._begun_at, t)
        self._ends_at = None
        while self._answers and self._answers[0][0] <= self._steps:
            _, _, request, ttft = heapq.heappop(self._answers)
            self._finish(request, t, ttft)
        for prompt in self._done:
            request = prompt.request
            self._prompts.popleft()  # prompts are completed in their order
            ttft = t - request.t + self._model.frontend_seconds(request.images)
            self._first_tokens.append(FirstToken(t, request.id, ttft))
            if request.answer_tokens == 1:
                self._finish(request, t, ttft)
            else:
                heapq.heappush(
                    self._answers, (self._steps + request.answer_tokens - 1, request.id, request, ttft)
                )
        self._done.clear()

    def _finish(self, request: Request, t: float, ttft: float) -> None:
        total = t - request.t + self._model.frontend_seconds(request.images)
        self._finished.append(Finished(t, request.id, ttft, total))
        self._set_aside -= request.tokens
        self._cached -= request.tokens - 1

    def _note_busy(self, begin: float, end: float) -> None:
        if self._busy and self._busy[-1][1] == begin:
            self._busy[-1][1] = end
        else:
            self._busy.append([begin, end])
