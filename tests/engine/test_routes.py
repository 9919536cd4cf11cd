"""Which doors of a real vLLM are open behind the gate that the stack renders: the declared ones, no other."""

import contextlib
import http.client
import json

import pytest

from tests.engine.client import CHAT, LISTED, OPEN, call, chat, routes
from tests.engine.process import Engine

pytestmark = pytest.mark.engine


def test_every_route_of_vllm_that_is_not_declared_does_not_exist_even_with_the_key(engine: Engine) -> None:
    closed = {path: methods for path, methods in routes(engine).items() if path not in OPEN | LISTED}
    assert {"/invocations", "/tokenize", "/detokenize", "/docs", "/openapi.json", "/ping"} <= closed.keys()
    assert len(closed) > 20
    answered = {
        f"{method} {path}": call(engine, path, chat(max_tokens=1), method=method).status
        for path, methods in closed.items()
        for method in methods
    }
    assert {route: status for route, status in answered.items() if status != 404} == {}


def test_declared_routes_that_answer_anything_want_the_key(engine: Engine) -> None:
    for key in (None, "sk-another"):
        assert call(engine, "/v1/models", key=key).status == 401
        for path in ("/v1/chat/completions", "/v1/completions"):
            assert call(engine, path, chat(max_tokens=1), key=key).status == 401


def test_only_health_and_metrics_answer_without_a_key(engine: Engine) -> None:
    every = {
        path: call(engine, path, None if "GET" in methods else chat(max_tokens=1), key=None).status
        for path, methods in routes(engine).items()
    }
    assert {path for path, status in every.items() if status < 400} == OPEN


@pytest.mark.parametrize(
    "path",
    [
        "/invocations/",
        "//invocations",
        "/%69nvocations",
        "/INVOCATIONS",
        "/v1/../invocations",
        "/v1/models/../../invocations",
        "/health/../invocations",
        "/health?/invocations",
        "/metrics/../invocations",
        "/metrics/invocations",
    ],
)
def test_no_other_spelling_opens_a_closed_route(engine: Engine, path: str) -> None:
    # By hand: a client library would tidy the path first.
    connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", path, json.dumps(chat(max_tokens=1)), {"content-type": "application/json"})
        assert connection.getresponse().status == 404


def test_a_declared_route_takes_only_its_own_methods(engine: Engine) -> None:
    assert call(engine, CHAT, method="GET").status == 404
    assert call(engine, "/health", chat(), method="POST").status == 404
    assert call(engine, "/v1/models", method="DELETE").status == 404


def test_what_is_refused_at_the_gate_reads_as_the_api_writes_its_errors(engine: Engine) -> None:
    body = call(engine, "/docs").body
    assert body["error"]["code"] == 404, json.dumps(body)


def test_the_key_is_in_no_line_that_vllm_prints(engine: Engine) -> None:
    assert engine.rendered.env["VLLM_API_KEY"] not in engine.log
