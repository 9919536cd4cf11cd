"""Replicas that can be put to sleep: what that asks of a stack, and who can do it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import routes
from elastic_vllm.vllm.arguments import SLEEP, arguments
from elastic_vllm.vllm.container import container
from tests.gate import sent
from tests.manifests import LARGEST, model, plain

KEY = "sk-of-a-client"


def sleeper(**keys: object) -> ModelSpec:
    return model(
        **{"engine": {"sleepMode": True}, "requireApiKey": True, "resources": {"memoryGib": 24}, **keys}
    )


def variables(spec: ModelSpec) -> Mapping[str, str]:
    made = plain(container(spec, "gpu", 600, None, None))
    return {item["name"]: str(item.get("value")) for item in made["env"]}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", KEY)


def status(
    folder: Path,
    method: str,
    target: str,
    authorization: str | None = f"Bearer {KEY}",
    spec: ModelSpec | None = None,
) -> int:
    path, _, query = target.partition("?")
    headers = [(b"host", b"chat")]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode()))
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": headers,
    }
    return int(sent(folder, scope, spec=spec or sleeper())[0]["status"])


def test_sleep_is_asked_for_with_the_mode_that_has_its_routes() -> None:
    assert SLEEP in arguments(sleeper())
    assert variables(sleeper())["VLLM_SERVER_DEV_MODE"] == "1"


def test_without_it_no_development_mode_is_on() -> None:
    assert SLEEP not in arguments(model())
    assert "VLLM_SERVER_DEV_MODE" not in variables(model())


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/sleep"),
        ("POST", "/sleep?level=1&mode=wait"),
        ("POST", "/sleep?level=0&mode=keep"),
        ("POST", "/wake_up"),
        ("GET", "/is_sleeping"),
    ],
)
def test_whoever_has_the_key_puts_a_replica_to_sleep_and_nobody_else(
    tmp_path: Path, method: str, target: str
) -> None:
    assert status(tmp_path, method, target) == 200
    for other in (None, "Bearer ", "Bearer sk-another", f"Bearer {KEY}x", KEY, f"Basic {KEY}"):
        assert status(tmp_path, method, target, other) == 401


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    "target",
    [
        "/sleep?level=2",
        "/sleep?level=1&level=2",
        "/sleep?level=02",
        "/sleep?level=%32",
        "/sleep?mode=now",
        "/wake_up?tags=weights",
        "/collective_rpc",
        "/release_kv_cache_memory",
        "/reset_prefix_cache",
        "/update_weights",
        "/server_info",
    ],
)
def test_the_rest_of_the_development_mode_does_not_exist(tmp_path: Path, target: str) -> None:
    for method in ("GET", "POST"):
        assert status(tmp_path, method, target) == 404


@pytest.mark.usefixtures("key")
def test_without_sleep_mode_its_routes_do_not_exist(tmp_path: Path) -> None:
    for path in routes.KEYED:
        assert status(tmp_path, "POST", path, spec=model(requireApiKey=True)) == 404


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer x"])
def test_a_gate_without_a_key_lets_nobody_sleep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authorization: str | None
) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    assert status(tmp_path, "POST", "/sleep", authorization) == 401


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        ({"requireApiKey": False}, "engine.sleepMode", "needs requireApiKey"),
        ({"resources": {"memoryGib": 11}}, "resources.memoryGib", "keeps 10 GiB of weights"),
        (
            {"gpusPerReplica": 2, "enginesPerReplica": 2, "resources": {"memoryGib": 20}},
            "resources.memoryGib",
            "keeps 20 GiB of weights",
        ),
        ({"checkpoint": LARGEST, "gpusPerReplica": 8}, "resources.memoryGib", "keeps 221 GiB of weights"),
    ],
)
def test_a_replica_that_cannot_sleep_safely_is_refused_at_the_key_to_change(
    keys: dict[str, object], key: str, says: str
) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        sleeper(**keys)
    assert refused.value.errors()[0]["ctx"]["key"] == key
