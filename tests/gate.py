"""The gate as vLLM loads it, and what a client of it receives."""

import asyncio
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm import routes
from tests.manifests import model

LEAVING = "leaving"
CHAT = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}


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


def sent(
    folder: Path, *asked: Mapping[str, object], spec: ModelSpec | None = None, upload: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """What a client receives; vLLM itself would answer 200, and say what it was sent."""
    messages: list[dict[str, Any]] = []
    parts = iter(upload)

    async def vllm(_scope: object, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        if upload:
            body = ""
            while (message := await receive())["more_body"]:
                body += message["body"]
            await send({"type": "http.response.body", "body": body})

    async def receive() -> dict[str, object]:
        assert upload, "nothing of a refused request is read"
        part = next(parts, None)
        return {"type": "http.request", "body": part or "", "more_body": part is not None}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELASTIC_VLLM_DRAIN_FILE", str(folder / LEAVING))
        gate = loaded(folder, spec or model()).Gate(vllm)
    for scope in asked:
        asyncio.run(gate({**scope}, receive, send))
    return messages
