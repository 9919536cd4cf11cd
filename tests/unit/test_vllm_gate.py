"""The layer in front of vLLM's own application: what passes, what does not, and how it bounds the end."""

import asyncio
import importlib.util
import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from components.spec import ModelSpec
from components.vllm import routes
from components.vllm.arguments import arguments
from components.vllm.container import environment, leave, mounts
from components.vllm.pod import volumes
from tests.manifests import model

LEAVING = "leaving"
CHAT = {"type": "http", "method": "POST", "path": "/v1/chat/completions"}
HEALTH = {"type": "http", "method": "GET", "path": "/health"}


def loaded(folder: Path, spec: ModelSpec) -> ModuleType:
    """The module as vLLM imports it: from the ConfigMap's files, by the name on the command line."""
    for name, text in routes.data(spec).items():
        (folder / name).write_text(text)
    module, _, _ = routes.MIDDLEWARE.rpartition(".")
    found = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
    assert found
    assert found.loader
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def sent(folder: Path, scope: Mapping[str, object], spec: ModelSpec | None = None) -> list[dict[str, Any]]:
    """What a client receives; vLLM itself would answer 200."""
    messages: list[dict[str, Any]] = []

    async def vllm(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> dict[str, object]:
        raise AssertionError("nothing of a refused request is read")

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELASTIC_VLLM_LEAVING", str(folder / LEAVING))
        gate = loaded(folder, spec or model()).Gate(vllm)
    asyncio.run(gate({**scope}, receive, send))
    return messages


def status(folder: Path, method: str, path: str, spec: ModelSpec | None = None) -> int:
    return int(sent(folder, {"type": "http", "method": method, "path": path}, spec)[0]["status"])


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


def told(folder: Path, seconds: float) -> None:
    """``preStop`` began so long ago."""
    began = time.time() - seconds
    (folder / LEAVING).touch()
    os.utime(folder / LEAVING, (began, began))


def test_while_nobody_told_the_pod_to_go_connections_stay_open(tmp_path: Path) -> None:
    assert sent(tmp_path, CHAT) == [{"type": "http.response.start", "status": 200}]


@pytest.mark.parametrize("scope", [CHAT, HEALTH], ids=["POST", "GET"])
def test_a_pod_told_to_go_answers_and_closes_the_connection(
    tmp_path: Path, scope: Mapping[str, object]
) -> None:
    told(tmp_path, 0)
    (start,) = sent(tmp_path, scope)
    assert (start["status"], start["headers"]) == (200, [(b"connection", b"close")])


def test_in_the_last_second_before_sigterm_it_refuses_work_and_still_is_healthy(tmp_path: Path) -> None:
    last = model().drain.propagation_seconds - 1
    told(tmp_path, last - 0.5)
    assert sent(tmp_path, CHAT)[0]["status"] == 200
    told(tmp_path, last)
    start, body = sent(tmp_path, CHAT)
    assert start["status"] == 503
    assert {(b"connection", b"close"), (b"retry-after", b"1")} <= set(start["headers"])
    assert json.loads(body["body"])["error"]["code"] == 503
    assert sent(tmp_path, HEALTH)[0]["status"] == 200


def test_what_told_the_container_before_this_one_is_forgotten(tmp_path: Path) -> None:
    told(tmp_path, 60)
    config = SimpleNamespace(timeout_graceful_shutdown=None)
    app = SimpleNamespace(state=SimpleNamespace(server=SimpleNamespace(config=config)))
    sent(tmp_path, {"type": "lifespan", "app": app})
    assert not (tmp_path / LEAVING).exists()


def test_prestop_tells_the_gate_and_waits(tmp_path: Path) -> None:
    place = tmp_path / LEAVING
    began = time.monotonic()
    subprocess.run(leave(1), env={"ELASTIC_VLLM_LEAVING": str(place), "PATH": os.defpath}, check=True)
    assert time.monotonic() - began >= 1
    assert time.time() - place.stat().st_mtime >= 1


def test_the_file_that_tells_is_on_a_volume_of_the_pod() -> None:
    spec = model()
    (path,) = [v["value"] for v in environment(600, None, {}) if v["name"] == "ELASTIC_VLLM_LEAVING"]
    (mount,) = [item for item in mounts() if str(path).startswith(f"{item['mount_path']}/")]
    assert "read_only" not in mount
    assert "empty_dir" in next(item for item in volumes(spec, None) if item["name"] == mount["name"])


def test_when_vllm_starts_its_web_server_learns_how_long_it_may_wait_for_clients(tmp_path: Path) -> None:
    config = SimpleNamespace(timeout_graceful_shutdown=None)
    app = SimpleNamespace(state=SimpleNamespace(server=SimpleNamespace(config=config)))
    sent(tmp_path, {"type": "lifespan", "app": app})
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
