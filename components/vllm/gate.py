"""Runs inside vLLM, as its ``--middleware``: only declared routes exist, and no client is left hanging.

vLLM's key guards what begins with ``/v1``; ``/invocations`` answers a whole completion without it, and
``/tokenize`` and ``/docs`` are open. Here every path that is not in ``routes.json`` is 404, whoever asks.
What vLLM's development mode has, and never guards, wants the key here, and takes the declared queries alone.

When a drain ends before its work does, vLLM kills the engine, then waits for clients who wait for the engine.
Its web server can bound that wait; vLLM does not say by how much, so this does.

This file goes into the pod alone, in a ConfigMap: standard library only, nothing of this package.
"""

import json
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

Message = MutableMapping[str, Any]  # Any: what an ASGI server passes has no narrower type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_NOT_FOUND = {"error": {"message": "Not Found", "type": "NotFoundError", "code": 404}}
_UNAUTHORIZED = {"error": "Unauthorized"}


class Gate:
    """The outermost layer of vLLM's web application."""

    def __init__(self, app: App) -> None:
        self.app = app
        declared = json.loads(Path(__file__).with_name("routes.json").read_text())
        self.methods: dict[str, list[str]] = declared["routes"]
        self.keyed: dict[str, dict[str, list[str]]] = declared["keyed"]
        self.key = os.environ.get("VLLM_API_KEY", "").encode()
        self.close_seconds: int = declared["closeSeconds"]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] == "lifespan":
            # The server runs already, and is vLLM's own attribute: if an upgrade moves it, nothing starts.
            scope["app"].state.server.config.timeout_graceful_shutdown = self.close_seconds
        elif not self.is_declared(scope):
            await refuse(scope, send)
            return
        elif scope["path"] in self.keyed and not self.has_key(scope):
            await refuse(scope, send, 401)
            return
        await self.app(scope, receive, send)

    def is_declared(self, scope: Message) -> bool:
        """The very path, decoded, with one of its methods; no websocket."""
        if scope["type"] != "http" or scope["method"] not in self.methods.get(scope["path"], ()):
            return False
        allowed = self.keyed.get(scope["path"])
        if allowed is None:
            return True
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return all(value in allowed.get(name, ()) for name, value in asked)

    def has_key(self, scope: Message) -> bool:
        """As vLLM asks for it on its own routes; without a key of ours nobody has it."""
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, key = given.partition(b" ")
        return kind.lower() == b"bearer" and self.key != b"" and secrets.compare_digest(key, self.key)


async def refuse(scope: Message, send: Send, status: int = 404) -> None:
    """404 tells nothing of what vLLM itself would serve here; 401 is its own to who has no key."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps(_NOT_FOUND if status == 404 else _UNAUTHORIZED).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
