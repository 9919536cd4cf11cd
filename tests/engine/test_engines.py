"""Two engines behind one API server, each on its own half of a CPU: their metrics, their queue, their drain.

And what made us fix the number of API servers at one: two of them, and the same drain.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import conftest
from tests.engine.client import CHAT, Stream, call, chat
from tests.engine.process import Engine, start
from tests.engine.rendered import Rendered, broken, graph, rendered

pytestmark = [pytest.mark.engine, pytest.mark.slow]
SHAPE = {"gpusPerReplica": 2, "enginesPerReplica": 2, "resources": {"cpu": 6, "memoryGib": 16}}
TOKENS = 40


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """A replica of two engines, without images, whose warm-up is the longest part of a start."""
    made = graph(
        tmp_path_factory.mktemp("stack"), SHAPE, imagesPerPrompt=0, maxNumSeqs=2, maxQueuedRequests=2
    )
    return rendered(made)


@pytest.fixture(scope="module")
def pair(
    python: Path, tiny_model: Path, pod: Rendered, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The replica, started."""
    running = start(pod, python, tiny_model, tmp_path_factory.mktemp("pair"))
    try:
        running.wait_until_started()
        conftest.FIGURES.append(f"start of two engines: {running.start_seconds:.0f} s")
        yield running
    finally:
        running.end()


def of_each(engine: Engine, metric: str) -> dict[str, float]:
    """A metric's value by the label of the engine."""
    found: dict[str, float] = {}
    for line in call(engine, "/metrics").body.splitlines():
        if match := re.match(rf'{metric}\{{(?:.*,)?engine="(\d)".*\}} (\S+)', line):
            found[match[1]] = found.get(match[1], 0) + float(match[2])
    return found


def drained(engine: Engine, count: int) -> list[Stream]:
    """Streams that are under way when SIGTERM comes, and would fit; with their ends."""
    streams = [Stream(engine, chat(max_tokens=TOKENS)) for _ in range(count)]
    for stream in streams:
        stream.wait(lambda s: s.chunks > 0)
    engine.terminate()
    for stream in streams:
        stream.join()
    return streams


def test_requests_are_spread_over_both_engines_and_their_metrics_tell_them_apart(pair: Engine) -> None:
    streams = [Stream(pair, chat(max_tokens=8)) for _ in range(4)]
    for stream in streams:
        stream.join()
    assert [stream.finish for stream in streams] == ["length"] * 4
    assert of_each(pair, "vllm:request_success_total") == {"0": 2, "1": 2}
    assert of_each(pair, "vllm:num_requests_waiting").keys() == {"0", "1"}


def test_what_may_wait_is_counted_over_both_engines(pair: Engine) -> None:
    streams = [Stream(pair, chat(max_tokens=1000)) for _ in range(6)]
    while sum(of_each(pair, "vllm:num_requests_waiting").values()) < 2:
        assert not any(stream.ended for stream in streams)
    assert call(pair, CHAT, chat(max_tokens=1)).status == 503
    for stream in streams:
        stream.join()
    assert [stream.finish for stream in streams] == ["length"] * 6


def test_both_engines_finish_their_answers_when_the_replica_goes(pair: Engine) -> None:
    streams = drained(pair, 4)
    assert [(stream.finish, stream.error) for stream in streams] == [("length", None)] * 4
    assert pair.process.wait(pair.rendered.grace_seconds) == 0


def test_two_api_servers_would_cut_every_answer_of_one_engine(
    python: Path, tiny_model: Path, pod: Rendered, tmp_path: Path
) -> None:
    one = broken(pod, {"--data-parallel-size": ("1",), "--api-server-count": ("2",)})
    running = start(one, python, tiny_model, tmp_path / "root")
    try:
        running.wait_until_started()
        assert [stream.finish for stream in drained(running, 2)] == [None] * 2
    finally:
        running.end()
