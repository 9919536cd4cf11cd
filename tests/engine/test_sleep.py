"""A replica that can be put to sleep, without the sleep that only a GPU has: level 0 stops its scheduler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.client import CHAT, Stream, call, chat
from tests.engine.process import Engine, start
from tests.engine.rendered import graph, rendered
from tests.engine.test_routes import LISTED, OPEN, routes

pytestmark = [pytest.mark.engine, pytest.mark.slow]
SHAPE = {"resources": {"cpu": 3, "memoryGib": 24}}
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


def test_asleep_it_looks_ready_and_lets_requests_wait_until_it_is_woken_up(sleeper: Engine) -> None:
    assert call(sleeper, "/sleep?level=2", {}).status == 404
    assert call(sleeper, "/sleep?level=0&mode=wait", {}).status == 200
    assert call(sleeper, "/is_sleeping").body == {"is_sleeping": True}
    assert [sleeper.probe(kind) for kind in ("readiness", "liveness")] == ["200", "200"]
    waiting = Stream(sleeper, chat(max_tokens=4))
    while 'vllm:num_requests_waiting{engine="0",model_name="chat"} 1.0' not in call(sleeper, "/metrics").body:
        assert not waiting.ended
    assert call(sleeper, "/wake_up", {}).status == 200
    waiting.join()
    assert waiting.finish == "length"
    assert call(sleeper, CHAT, chat(max_tokens=1)).status == 200
