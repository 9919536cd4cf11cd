"""200 autoscalers under the real controller manager: each look is answered, each state changed in between.

The order for each autoscaler: the controller asks for metrics (the sync's moment) and scales; seconds later
the test moves its pods on; the next sync finds them at rest. What was asked, answered and done is kept.
"""

import contextlib
import heapq
import math
import queue
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from elastic_vllm.testing.values import items, mapping, text
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, metadata
from tests.differential.cluster import GROUP, VERSION, Objects
from tests.differential.metrics_apis import Body
from tests.differential.policies import Policy
from tests.differential.subject import NAMESPACE, Subject
from tests.differential.trace import Pod

WORKERS = 12
REST_SECONDS = 3.0
"""From a sync until its autoscaler's pods move on."""
_AGES = (270, 330)
"""Seconds of age at the next sync at which a pod would be on the edge of the CPU initialization period."""


@dataclass(frozen=True)
class Scaled:
    """The target's replicas changed."""

    t: float
    replicas: int
    by_hand: bool


@dataclass(frozen=True)
class Status:
    """The HPA's conditions as a watch told them."""

    t: float
    active: bool | None
    limited: str | None
    told: str
    """The message of ``ScalingActive``."""

    @property
    def unfetched(self) -> bool:
        """Whether the controller could not get a metric, whatever it was answered."""
        return self.active is False and "unable to fetch metrics" in self.told


@dataclass
class Seen:
    """What the watches said of one autoscaler."""

    scaled: list[Scaled] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)


class Experiment:
    """Owns the threads and the clock. A ``metrics_apis.Source``."""

    def __init__(self, api: Apiserver, policies: Sequence[Policy], seed: int) -> None:
        self._api, self._objects = api, Objects(api)
        self.subjects = {
            policy.name: Subject(policy, random.Random(f"{policy.name} {seed}"), policy.least)
            for policy in policies
        }
        self.seen = {name: Seen() for name in self.subjects}
        self._by_hand: dict[str, int] = {}
        self._due: queue.Queue[tuple[float, str]] = queue.Queue()
        self._stop = threading.Event()
        self.problems: list[BaseException] = []

    # What the controller manager asks.

    def resources(self, name: str, t: float) -> Body | None:
        """See ``Source``."""
        return self._look(name, "resources", t)

    def of_pods(self, name: str, metric: str, t: float) -> Body | None:
        """See ``Source``."""
        return self._look(name, metric.rpartition("-")[2], t)

    def of_object(self, name: str, metric: str, t: float) -> Body | None:
        """See ``Source``."""
        return self._look(name, metric.rpartition("-")[2], t)

    def external(self, name: str, place: int, t: float) -> Body | None:
        """See ``Source``."""
        return self._look(name, str(place), t)

    def _look(self, name: str, key: str, t: float) -> Body | None:
        subject = self.subjects.get(name)
        if subject is None:
            return {"kind": "List", "apiVersion": "v1", "items": []}
        looks = len(subject.looks)
        look = subject.look(t)
        if len(subject.looks) > looks:
            self._due.put((t + REST_SECONDS, name))
        return look.bodies[key]

    # The run.

    def prepare(self, port: int, seconds: float) -> None:
        """Make the kind and the APIs, and wait until both are served."""
        self._objects.prepare(port)
        deadline = time.monotonic() + seconds
        while not self._objects.are_served():
            assert time.monotonic() < deadline, f"the metrics APIs are not served after {seconds} s"
            time.sleep(0.2)

    def run(self, seconds: float) -> None:
        """Make everything, let it run for so long, and stop."""
        for kind in ("Scalable", "HorizontalPodAutoscaler"):
            threading.Thread(target=self._follow, args=(kind,), daemon=True).start()
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._make, self.subjects.values()))
            for subject in self.subjects.values():  # spread over a sync period, and so they stay
                self._objects.autoscaler(subject.policy)
                time.sleep(15 / len(self.subjects))
            self._move_on(pool, time.time() + seconds)
        self._stop.set()

    def _make(self, subject: Subject) -> None:
        self._objects.scalable(subject.name, subject.replicas)
        for _ in range(subject.replicas):
            pod = subject.new_pod(time.time())
            self._objects.create(subject.name, pod)
            subject.pods[pod.name] = pod
        subject.moved_t = time.time()

    def _move_on(self, pool: ThreadPoolExecutor, end: float) -> None:
        due: list[tuple[float, str]] = []
        futures: list[Future[None]] = []
        while (now := time.time()) < end and not self.problems:
            wait = min(end, due[0][0] if due else end) - now
            with contextlib.suppress(queue.Empty):
                heapq.heappush(due, self._due.get(timeout=max(wait, 0.001)))
            while due and due[0][0] <= time.time():
                futures.append(pool.submit(self._move, heapq.heappop(due)[1]))
        for future in futures:
            future.result()
        if self.problems:
            raise self.problems[0]

    def _follow(self, kind: str) -> None:
        version = f"{GROUP}/{VERSION}" if kind == "Scalable" else "autoscaling/v2"
        try:
            for event, item in self._api.follow(version, kind, NAMESPACE, self._stop):
                now = time.time()
                for one in items(item.get("items")) if event == "LIST" else [item]:
                    self._saw(kind, mapping(one), now)
        except Exception as problem:  # noqa: BLE001  (the run raises it)
            self.problems.append(problem)

    def _saw(self, kind: str, item: Object, now: float) -> None:
        name = text(metadata(item).get("name"))
        seen = self.seen[name]
        if kind != "Scalable":
            seen.statuses.append(_status(item, now))
            return
        replicas = mapping(item.get("spec")).get("replicas")
        assert isinstance(replicas, int)
        if seen.scaled and seen.scaled[-1].replicas == replicas:
            return
        by_hand = not seen.scaled or self._by_hand.get(name) == replicas
        if by_hand:
            self._by_hand.pop(name, None)
        seen.scaled.append(Scaled(now, replicas, by_hand))
        subject = self.subjects[name]
        subject.replicas = replicas
        if not by_hand and (not subject.looks or now - subject.looks[-1].t > REST_SECONDS):
            self._due.put((now + REST_SECONDS, name))  # a sync that asked for nothing

    # What the test does between two syncs.

    def _move(self, name: str) -> None:
        subject = self.subjects[name]
        rng, now = subject.rng, time.time()
        subject.moved_t = math.inf
        if subject.replicas == 0:
            self._by_hand_to(subject, 1)
        elif rng.random() < 0.03:
            odd = [subject.policy.most + 1, 0] + ([1] if subject.policy.least > 1 else [])
            self._by_hand_to(subject, rng.choice(odd))
        self._age(subject, now)
        self._fit(subject, now)
        for pod in list(subject.pods.values()):
            if not pod.leaving and rng.random() < 0.12:
                self._state(subject, subject.other_state(pod, now))
        if any(metric.target.average_value for metric in subject.policy.scaling.metrics):
            there = [p for p in subject.pods.values() if not p.leaving and p.phase in {"Pending", "Running"}]
            self._objects.report(name, len(there))
        subject.moved_t = time.time()

    def _by_hand_to(self, subject: Subject, replicas: int) -> None:
        self._by_hand[subject.name] = replicas
        self._objects.scale(subject.name, replicas)
        subject.replicas = replicas
        if replicas == 0:  # no sync will ask for anything
            self._due.put((time.time() + 16, subject.name))

    def _age(self, subject: Subject, now: float) -> None:
        """Keep every pod's age off the edges."""
        for pod in list(subject.pods.values()):
            age = None if pod.started_t is None else now - pod.started_t + 15
            if age is not None and _AGES[0] < age < _AGES[1] and not pod.leaving:
                at = float(int(now))
                self._state(subject, replace(pod, started_t=at - 100, ready_changed_t=at - 50))

    def _fit(self, subject: Subject, now: float) -> None:
        """As many pods as are wanted, or one more or less: the target may lag."""
        rng = subject.rng
        for pod in list(subject.pods.values()):
            if pod.leaving:
                self._objects.drop(pod)
                del subject.pods[pod.name]
        wanted = max(0, subject.replicas + rng.choice((0,) * 12 + (-1, 1)))
        while len(subject.pods) > wanted:
            pod = subject.pods[rng.choice(sorted(subject.pods))]
            if rng.random() < 0.5 and not _counts_ready(subject.policy):
                self._objects.leave(pod)
                subject.pods[pod.name] = replace(pod, leaving=True)
                wanted += 1
            else:
                self._objects.drop(pod)
                del subject.pods[pod.name]
        while len(subject.pods) < wanted:
            pod = subject.new_pod(now)
            if rng.random() < 0.7:
                pod = subject.other_state(pod, now)
            self._objects.create(subject.name, pod)
            subject.pods[pod.name] = pod

    def _state(self, subject: Subject, pod: Pod) -> None:
        self._objects.state(pod)
        subject.pods[pod.name] = pod


def _counts_ready(policy: Policy) -> bool:
    """Whether ready pods are counted that are leaving: the garbage collector ends those without a node."""
    return any(metric.target.value for metric in policy.scaling.metrics)


def _status(item: Object, now: float) -> Status:
    conditions = [mapping(each) for each in items(mapping(item.get("status")).get("conditions"))]
    by_type = {text(each.get("type")): each for each in conditions}
    active, limited = by_type.get("ScalingActive"), by_type.get("ScalingLimited")
    return Status(
        now,
        None if active is None else active.get("status") == "True",
        text(limited.get("reason")) if limited is not None and limited.get("status") == "True" else None,
        "" if active is None else text(active.get("message")),
    )
