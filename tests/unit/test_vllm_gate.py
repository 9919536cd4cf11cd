"""The layer in front of vLLM's own application: what passes, what does not, and how it bounds the end."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from elastic_vllm.spec import CompileCacheSpec, ModelSpec
from elastic_vllm.vllm import routes
from elastic_vllm.vllm.arguments import arguments
from elastic_vllm.vllm.container import environment, mounts, pre_stop_command
from elastic_vllm.vllm.pod import volumes
from tests.gate import CHAT, LEAVING, sent
from tests.manifests import model

HEALTH = {"type": "http", "method": "GET", "path": "/health"}


def status(folder: Path, method: str, path: str, spec: ModelSpec | None = None) -> int:
    return int(sent(folder, {"type": "http", "method": method, "path": path}, spec=spec)[0]["status"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("OPTIONS", "/v1/chat/completions"),
    ],
)
def test_declared_routes_reach_vllm(tmp_path: Path, method: str, path: str) -> None:
    assert status(tmp_path, method, path) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/invocations"),
        ("POST", "/tokenize"),
        ("GET", "/docs"),
        ("POST", "/health"),
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/v1/chat/completions/render"),
        ("POST", "/metrics/../invocations"),
        ("POST", ""),
    ],
)
def test_everything_else_is_not_found(tmp_path: Path, method: str, path: str) -> None:
    assert status(tmp_path, method, path) == 404


def test_a_websocket_is_closed_before_it_opens(tmp_path: Path) -> None:
    (message,) = sent(tmp_path, {"type": "websocket", "path": "/v1/chat/completions"})
    assert message["type"] == "websocket.close"


def test_a_stack_file_opens_further_routes_that_the_key_guards_and_no_others(tmp_path: Path) -> None:
    opened = model(engine={"routes": ["/v1/messages"]})
    assert status(tmp_path, "POST", "/v1/messages", opened) == 200
    assert status(tmp_path, "POST", "/v1/chat/completions", opened) == 404
    for path in ("/invocations", "/v1", "/v1/../invocations", "/tokenize", "v1/x"):
        with pytest.raises(ValueError, match="pattern"):
            model(engine={"routes": [path]})


LAST = routes.refuse_seconds(model().drain.propagation_seconds)


def started(folder: Path) -> SimpleNamespace:
    """Its web server's configuration, once vLLM has started."""
    config = SimpleNamespace(timeout_graceful_shutdown=None)
    app = SimpleNamespace(state=SimpleNamespace(server=SimpleNamespace(config=config)))
    sent(folder, {"type": "lifespan", "app": app})
    return config


def told(folder: Path, seconds: float) -> None:
    """``preStop`` began so long ago."""
    began = time.time() - seconds
    (folder / LEAVING).touch()
    os.utime(folder / LEAVING, (began, began))


def test_while_nobody_told_the_pod_to_go_connections_stay_open(tmp_path: Path) -> None:
    assert sent(tmp_path, CHAT) == [{"type": "http.response.start", "status": 200}]


def test_one_answer_in_twenty_closes_its_connection_so_that_clients_find_new_replicas(tmp_path: Path) -> None:
    turns: list[Mapping[str, object]] = [CHAT, HEALTH] * 60
    answers = sent(tmp_path, *turns)
    closing = [number for number, start in enumerate(answers[::2], 1) if "headers" in start]
    assert closing == [20, 40, 60]
    assert not any("headers" in start for start in answers[1::2]), "probes have no turn"


@pytest.mark.parametrize(("scope", "status"), [(CHAT, 200), (HEALTH, 200), (HEALTH | {"path": "/docs"}, 404)])
def test_a_pod_told_to_go_closes_the_connection_with_whatever_answer(
    tmp_path: Path, scope: Mapping[str, object], status: int
) -> None:
    told(tmp_path, 0)
    start, *_ = sent(tmp_path, scope, upload=["two ", "parts"] if scope is CHAT else ())
    assert (start["status"], start["headers"][-1]) == (status, (b"connection", b"close"))


def test_vllm_is_sent_all_that_the_client_sent(tmp_path: Path) -> None:
    told(tmp_path, 0)
    _, body = sent(tmp_path, CHAT, upload=["two ", "parts"])
    assert body["body"] == "two parts"


def test_an_upload_is_judged_when_it_is_there(tmp_path: Path) -> None:
    def upload() -> Iterator[str]:
        yield "in time"
        told(tmp_path, LAST)
        yield "too late"

    told(tmp_path, 0)
    assert sent(tmp_path, CHAT, upload=upload())[0]["status"] == 503


def test_nothing_is_kept_of_what_comes_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sk-of-the-test")
    told(tmp_path, LAST)
    assert sent(tmp_path, CHAT)[0]["status"] == 200, "vLLM itself refuses it, unread"
    keyed = CHAT | {"headers": [(b"authorization", b"Bearer sk-of-the-test")]}
    assert sent(tmp_path, keyed, upload=["all"])[0]["status"] == 503


@pytest.mark.parametrize(("propagation", "last"), [(2, 1), (5, 1), (9, 3), (15, 5), (120, 5)])
def test_the_last_third_is_for_what_is_on_its_way_to_the_engine(propagation: int, last: int) -> None:
    assert propagation - routes.refuse_seconds(propagation) == last


def test_in_the_last_seconds_before_sigterm_it_refuses_work_and_still_is_healthy(tmp_path: Path) -> None:
    told(tmp_path, LAST - 5)
    assert sent(tmp_path, CHAT, upload=["all"])[0]["status"] == 200
    told(tmp_path, LAST)
    start, body = sent(tmp_path, CHAT, upload=["all"])
    assert start["status"] == 503
    assert {(b"connection", b"close"), (b"retry-after", b"1")} <= set(start["headers"])
    assert json.loads(body["body"])["error"]["code"] == 503
    assert sent(tmp_path, HEALTH)[0]["status"] == 200


def test_what_told_the_container_before_this_one_is_forgotten(tmp_path: Path) -> None:
    told(tmp_path, 60)
    started(tmp_path)
    assert not (tmp_path / LEAVING).exists()


def test_prestop_tells_the_gate_and_waits(tmp_path: Path) -> None:
    place = tmp_path / LEAVING
    began = time.monotonic()
    subprocess.run(
        pre_stop_command(1), env={"ELASTIC_VLLM_DRAIN_FILE": str(place), "PATH": os.defpath}, check=True
    )
    assert time.monotonic() - began >= 1
    assert time.time() - place.stat().st_mtime >= 1


def test_the_file_that_tells_is_on_a_volume_that_no_other_pod_shares() -> None:
    spec, kept = model(), CompileCacheSpec(size_gib=10, storage_class="shared")
    (path,) = [v["value"] for v in environment(600, None, {}) if v["name"] == "ELASTIC_VLLM_DRAIN_FILE"]
    (mount,) = [item for item in mounts() if str(path).startswith(f"{item['mount_path']}/")]
    assert "read_only" not in mount
    assert "empty_dir" in next(item for item in volumes(spec, None, kept) if item["name"] == mount["name"])


def test_when_vllm_starts_its_web_server_learns_how_long_it_may_wait_for_clients(tmp_path: Path) -> None:
    config = started(tmp_path)
    assert config.timeout_graceful_shutdown == routes.CLOSE_SECONDS


def test_a_vllm_whose_server_is_elsewhere_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        sent(tmp_path, {"type": "lifespan", "app": SimpleNamespace(state=SimpleNamespace())})


def test_the_margin_of_every_drain_holds_what_the_gate_waits(tmp_path: Path) -> None:
    least = model(drain={"marginSeconds": 5}).drain
    assert least.margin_seconds > routes.CLOSE_SECONDS
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        model(drain={"marginSeconds": 4})


def test_the_pod_has_the_gate_where_python_and_the_command_line_look_for_it() -> None:
    spec = model()
    words = arguments(spec)
    assert words[words.index("--middleware") + 1] == routes.MIDDLEWARE
    (path,) = [item["value"] for item in environment(600, None, {}) if item["name"] == "PYTHONPATH"]
    (mount,) = [item for item in mounts() if item["name"] == "gate"]
    (volume,) = [item for item in volumes(spec, None) if item["name"] == "gate"]
    assert (mount["mount_path"], mount["read_only"]) == (path, True)
    assert volume["config_map"] == {"name": routes.config_name(spec)}


def test_a_change_of_routes_is_a_new_object_so_that_pods_roll() -> None:
    changed = model(engine={"routes": ["/v1/messages"]})
    assert routes.config_name(changed) != routes.config_name(model())
    assert json.loads(routes.data(model())["routes.json"])["routes"]["/health"] == ["GET"]
