"""Runs inside vLLM, as its ``--middleware``: only declared routes exist, and no client is left hanging.

vLLM's key guards paths that begin with ``/v1``; ``/invocations`` returns a whole completion without it, and
``/tokenize`` and ``/docs`` are open. Here every path that is not in ``routes.json`` is 404 for every client.
Routes of vLLM's development mode, which vLLM never guards, need the key and take the declared queries only.

A Service forgets a pod that is being deleted, but open connections do not. From ``preStop`` on, each response
closes its connection; some seconds before SIGTERM the gate starts to refuse work, because vLLM answers what
reaches its engine after SIGTERM with 200 and an empty body.

A new replica would get nothing from clients that keep their connections. So every twentieth response closes
its connection, and the Service places the client's next request.

When a drain ends before its work does, vLLM kills the engine and then waits for clients that wait for the
engine. Its web server can bound that wait; vLLM does not, so the gate does.

This file goes into the pod alone, in a ConfigMap: standard library only, nothing of this package.
"""

import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

Message = MutableMapping[str, Any]  # Any: what an ASGI server passes has no narrower type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_DRAINING = "This replica is shutting down. Retry on a new connection."
_REFUSALS: dict[int, object] = {
    401: {"error": "Unauthorized"},
    404: {"error": {"message": "Not Found", "type": "NotFoundError", "code": 404}},
    503: {"error": {"message": _DRAINING, "type": "ServiceUnavailableError", "code": 503}},
}
_CLOSE = (b"connection", b"close")


class Gate:
    """The outermost layer of vLLM's web application."""

    def __init__(self, app: App) -> None:
        self.app = app
        declared = json.loads(Path(__file__).with_name("routes.json").read_text())
        self.methods: dict[str, list[str]] = declared["routes"]
        self.keyed: dict[str, dict[str, list[str]]] = declared["keyed"]
        self.key = os.environ.get("VLLM_API_KEY", "").encode()
        self.close_seconds: int = declared["closeSeconds"]
        self.refuse_seconds: int = declared["refuseSeconds"]
        self.close_connection_every: int = declared["closeConnectionEvery"]
        self.asked = 0
        self.drain_file = Path(os.environ["ELASTIC_VLLM_DRAIN_FILE"])

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] == "lifespan":
            # The server runs already, and is vLLM's own attribute: if an upgrade moves it, nothing starts.
            scope["app"].state.server.config.timeout_graceful_shutdown = self.close_seconds
            self.drain_file.unlink(missing_ok=True)  # of the container before this one, in the same pod
            await self.app(scope, receive, send)
            return
        draining = self.seconds_since_prestop() is not None
        if draining or self.should_close_connection(scope):
            send = closing(send)
        if not self.is_declared(scope):
            await refuse(scope, send)
        elif scope["path"] in self.keyed and not self.has_key(scope):
            await refuse(scope, send, 401)
        elif draining and scope["method"] == "POST" and (not self.key or self.has_key(scope)):
            await self.forward_unless_draining(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def forward_unless_draining(self, scope: Message, receive: Receive, send: Send) -> None:
        """Buffer the whole request body before deciding: a client that still uploads reads no response."""
        messages: list[Message] = []
        while not messages or messages[-1].get("more_body"):
            message = await receive()
            if self.refuses():
                messages.clear()
            messages.append(message)
        if self.refuses():
            await refuse(scope, send, 503)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)

    def seconds_since_prestop(self) -> float | None:
        """Seconds since ``preStop`` began; ``None`` while the pod is not being deleted."""
        try:
            return time.time() - self.drain_file.stat().st_mtime
        except FileNotFoundError:
            return None

    def should_close_connection(self, scope: Message) -> bool:
        """Whether this response is the one in ``close_connection_every``; only POST requests count."""
        if scope.get("method") != "POST":
            return False
        self.asked += 1
        return self.asked % self.close_connection_every == 0

    def refuses(self) -> bool:
        """Whether SIGTERM is near, or has come."""
        return (self.seconds_since_prestop() or 0) >= self.refuse_seconds

    def is_declared(self, scope: Message) -> bool:
        """Whether the exact path, decoded, is declared with this method; websockets never are."""
        if scope["type"] != "http" or scope["method"] not in self.methods.get(scope["path"], ()):
            return False
        allowed = self.keyed.get(scope["path"])
        if allowed is None:
            return True
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return all(value in allowed.get(name, ()) for name, value in asked)

    def has_key(self, scope: Message) -> bool:
        """Whether the request carries the API key, as vLLM checks it; never where no key is set."""
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, key = given.partition(b" ")
        return kind.lower() == b"bearer" and self.key != b"" and secrets.compare_digest(key, self.key)


def closing(send: Send) -> Send:
    """Close the connection after the response, so that the Service places the client's next request."""

    async def last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), _CLOSE]
        await send(message)

    return last


async def refuse(scope: Message, send: Send, status: int = 404) -> None:
    """Refuse a request: 404 for what is not declared, 401 without the key, 503 with ``Retry-After``."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps(_REFUSALS[status]).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
