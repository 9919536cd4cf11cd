"""Runs inside vLLM, as its ``--middleware``: only declared routes exist, and no client is left hanging.

vLLM's key guards what begins with ``/v1``; ``/invocations`` answers a whole completion without it, and
``/tokenize`` and ``/docs`` are open. Here every path that is not in ``routes.json`` is 404, whoever asks.

When a drain ends before its work does, vLLM kills the engine, then waits for clients who wait for the engine.
Its web server can bound that wait; vLLM does not say by how much, so this does.

This file goes into the pod alone, in a ConfigMap: standard library only, nothing of this package.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]  # Any: what an ASGI server passes has no narrower type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_NOT_FOUND = json.dumps({"error": {"message": "Not Found", "type": "NotFoundError", "code": 404}}).encode()


class Gate:
    """The outermost layer of vLLM's web application."""

    def __init__(self, app: App) -> None:
        self.app = app
        declared = json.loads(Path(__file__).with_name("routes.json").read_text())
        self.methods: dict[str, list[str]] = declared["routes"]
        self.close_seconds: int = declared["closeSeconds"]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] == "lifespan":
            # The server runs already, and is vLLM's own attribute: if an upgrade moves it, nothing starts.
            scope["app"].state.server.config.timeout_graceful_shutdown = self.close_seconds
        elif not self.is_declared(scope):
            await refuse(scope, send)
            return
        await self.app(scope, receive, send)

    def is_declared(self, scope: Message) -> bool:
        """The very path, decoded, with one of its methods; no websocket."""
        return scope["type"] == "http" and scope["method"] in self.methods.get(scope["path"], ())


async def refuse(scope: Message, send: Send) -> None:
    """404, which tells nothing of what vLLM itself would serve here."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_NOT_FOUND)).encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": _NOT_FOUND})
