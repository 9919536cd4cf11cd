"""What clients meet from the moment a replica is told to go until its engine is: while ``preStop`` runs."""

import contextlib
import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from elastic_vllm.vllm.routes import refuse_seconds
from tests.engine.client import CHAT, Stream, call, chat
from tests.engine.process import Engine
from tests.engine.rendered import KEY

pytestmark = pytest.mark.engine


@contextlib.contextmanager
def kept(engine: Engine) -> Iterator[HTTPConnection]:
    """A client's connection to an engine that is told to go meanwhile, and not any more afterwards."""
    connection = HTTPConnection("127.0.0.1", engine.port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()
        engine.leaving.unlink(missing_ok=True)


def ask(connection: HTTPConnection) -> HTTPResponse:
    """One short answer, read whole."""
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    connection.request("POST", CHAT, json.dumps(chat(max_tokens=2)), headers)
    response = connection.getresponse()
    response.read()
    return response


def test_a_new_container_forgets_that_the_one_before_was_told_to_go(engine: Engine) -> None:
    assert not engine.leaving.exists()


def test_every_twentieth_answer_closes_its_connection(engine: Engine) -> None:
    with kept(engine) as connection:
        ends = [ask(connection).getheader("connection") for _ in range(40)]
    assert ends.count("close") == 2


def test_told_to_go_it_closes_connections_then_refuses_and_ends_what_it_has(engine: Engine) -> None:
    with kept(engine) as connection:
        told_to_go(engine, connection)


def told_to_go(engine: Engine, connection: HTTPConnection) -> None:
    under_way = Stream(engine, chat(max_tokens=2900))
    under_way.wait(lambda stream: stream.chunks > 0)
    with engine.pre_stop() as stop:
        while not engine.leaving.exists():
            assert stop.poll() is None
        last = ask(connection)
        assert (last.status, last.getheader("connection")) == (200, "close")
        assert connection.sock is None, "the next request goes where the Service sends it"
        told, asked = engine.leaving.stat().st_mtime, 0.0
        while (refused := ask(connection)).status == 200:
            assert asked < refuse_seconds(engine.rendered.pre_stop_seconds), "SIGTERM was near"
            asked = time.time() - told
        assert (refused.status, refused.getheader("connection"), refused.getheader("retry-after")) == (
            503,
            "close",
            "1",
        )
        assert not under_way.ended
        assert [engine.probe(kind) for kind in ("readiness", "liveness")] == ["200", "200"]
        assert call(engine, "/metrics").status == 200
        assert stop.wait(engine.rendered.pre_stop_seconds) == 0
    under_way.join()
    assert (under_way.finish, under_way.error) == ("length", None)
