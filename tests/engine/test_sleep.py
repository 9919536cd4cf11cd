"""A replica that can be put to sleep, without the sleep that only a GPU has: level 0 stops its scheduler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.client import LISTED, OPEN, Stream, call, chat, routes
from tests.engine.process import Engine, start
from tests.engine.rendered import graph, rendered

pytestmark = [pytest.mark.engine, pytest.mark.slow]
SHAPE = {"resources": {"cpu": 3, "memoryGib": 24}}
BATCH_AND_QUEUE = 12
"""By the tests' stack file."""
SLEEP = {"/sleep", "/wake_up", "/is_sleeping"}


@pytest.fixture(scope="module")
def sleeper(python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The replica, started."""
    pod = rendered(graph(tmp_path_factory.mktemp("stack"), SHAPE, imagesPerPrompt=0, sleepMode=True))
    running = start(pod, python, tiny_model, tmp_path_factory.mktemp("sleeper"))
    try:
        running.wait_until_started()
        yield running
    finally:
        running.end()


def test_the_development_mode_has_its_routes_and_all_but_those_for_sleep_are_closed(sleeper: Engine) -> None:
    every = routes(sleeper)
    assert {*SLEEP, "/collective_rpc", "/server_info", "/reset_prefix_cache"} <= every.keys()
    answered = {
        path: call(sleeper, path, {}, method=method).status
        for path, methods in every.items()
        if path not in OPEN | LISTED | SLEEP
        for method in methods
    }
    assert {path: status for path, status in answered.items() if status != 404} == {}


@pytest.mark.parametrize("key", [None, "sk-another"])
def test_nobody_without_the_key_puts_it_to_sleep(sleeper: Engine, key: str | None) -> None:
    assert call(sleeper, "/sleep?level=0", {}, key=key).status == 401
    assert call(sleeper, "/wake_up", {}, key=key).status == 401
    assert call(sleeper, "/is_sleeping", key=key).status == 401
    assert call(sleeper, "/is_sleeping").body == {"is_sleeping": False}


def test_asleep_it_looks_ready_and_idle_and_lets_requests_wait_until_it_is_woken_up(sleeper: Engine) -> None:
    assert call(sleeper, "/sleep?level=2", {}).status == 404
    assert call(sleeper, "/sleep?level=0&mode=wait", {}).status == 200
    assert call(sleeper, "/is_sleeping").body == {"is_sleeping": True}
    assert [sleeper.probe(kind) for kind in ("readiness", "liveness")] == ["200", "200"]
    streams = [Stream(sleeper, chat(max_tokens=4)) for _ in range(BATCH_AND_QUEUE + 1)]
    while not any(stream.ended for stream in streams):  # one is refused once all others are there
        assert call(sleeper, "/is_sleeping").body == {"is_sleeping": True}
    (refused,) = [stream for stream in streams if stream.ended]
    assert refused.chunks == 0
    # Refused before its answer begins, or in it, where it came at the same moment as the last that may wait.
    assert refused.status == 503 or "'code': 503" in str(refused.error)
    idle = ("vllm:num_requests_running", "vllm:num_requests_waiting")
    told = call(sleeper, "/metrics").body
    assert [f'{name}{{engine="0",model_name="chat"}} 0.0' in told for name in idle] == [True, True]
    assert call(sleeper, "/wake_up", {}).status == 200
    for stream in streams:
        stream.join()
    assert sorted(str(stream.finish) for stream in streams) == ["None", *["length"] * BATCH_AND_QUEUE]
