"""Whether an add-on is ready is asked on the loopback interface, whatever proxy the environment names."""

import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fleet.embedded import addons
from fleet.embedded.layout import Layout
from fleet.embedded.process import Process, free_port


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that the standard library calls
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_proxy_does_not_stand_between_us_and_karpenter(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    place = Layout(tmp_path)
    place.keep(replace(place.ports(), karpenter_health=port))
    assert addons.is_ready(place, "karpenter")


def test_karpenter_is_not_ready_while_nobody_answers(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    place.keep(replace(place.ports(), karpenter_health=free_port()))
    assert not addons.is_ready(place, "karpenter")


@pytest.mark.parametrize(
    ("stopped", "renewed"),
    [
        ("metrics-server", {"metrics_server"}),
        ("karpenter", {"karpenter_metrics", "karpenter_health"}),
        ("lws", {"lws_health", "lws_webhook"}),
    ],
)
def test_only_an_add_on_that_is_stopped_gets_other_ports_where_its_own_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str, renewed: set[str]
) -> None:
    place = Layout(tmp_path)
    before = asdict(place.ports())
    monkeypatch.setattr(addons, "is_free", lambda _: False)
    monkeypatch.setattr(Process, "pid", lambda one: None if one.name == stopped else 1)
    addons._renew_ports(place)
    after = asdict(place.ports())
    assert {name for name in before if after[name] != before[name]} == renewed
