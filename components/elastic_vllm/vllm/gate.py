"""Runs inside vLLM, as its ``--middleware``: only declared routes exist, and no client is left hanging.

vLLM's key guards what begins with ``/v1``; ``/invocations`` answers a whole completion without it, and
``/tokenize`` and ``/docs`` are open. Here every path that is not in ``routes.json`` is 404, whoever asks.
What vLLM's development mode has, and never guards, wants the key here, and takes the declared queries alone.

A pod that is told to go is forgotten by the Service, but not by connections that are open. From the moment
that ``preStop`` tells, each answer closes its connection; and some seconds before SIGTERM work begins to be
refused: what reaches vLLM's engine after it is answered with 200 and nothing in it.

For the same reason a replica that is new would get nothing from clients that keep their connections: so one
answer in some closes its connection, and the client's next is the Service's to place.

When a drain ends before its work does, vLLM kills the engine, then waits for clients who wait for the engine.
Its web server can bound that wait; vLLM does not say by how much, so this does.

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

_LEAVING = "This replica is going away. Ask again, on a new connection."
_REFUSALS: dict[int, object] = {
    401: {"error": "Unauthorized"},
    404: {"error": {"message": "Not Found", "type": "NotFoundError", "code": 404}},
    503: {"error": {"message": _LEAVING, "type": "ServiceUnavailableError", "code": 503}},
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
        self.renew_answers: int = declared["renewAnswers"]
        self.asked = 0
        self.leaving = Path(os.environ["ELASTIC_VLLM_LEAVING"])

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] == "lifespan":
            # The server runs already, and is vLLM's own attribute: if an upgrade moves it, nothing starts.
            scope["app"].state.server.config.timeout_graceful_shutdown = self.close_seconds
            self.leaving.unlink(missing_ok=True)  # of the container before this one, in the same pod
            await self.app(scope, receive, send)
            return
        leaves = self.told_seconds_ago() is not None
        if leaves or self.renews(scope):
            send = closing(send)
        if not self.is_declared(scope):
            await refuse(scope, send)
        elif scope["path"] in self.keyed and not self.has_key(scope):
            await refuse(scope, send, 401)
        elif leaves and scope["method"] == "POST" and (not self.key or self.has_key(scope)):
            await self.take_or_refuse(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def take_or_refuse(self, scope: Message, receive: Receive, send: Send) -> None:
        """Judged when all of it is there: an upload takes time, and who still sends reads no answer."""
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

    def told_seconds_ago(self) -> float | None:
        """How long ago ``preStop`` began; ``None`` while this pod is to stay."""
        try:
            return time.time() - self.leaving.stat().st_mtime
        except FileNotFoundError:
            return None

    def renews(self, scope: Message) -> bool:
        """Whether it is this request's turn to end its connection; only those that bring work have turns."""
        if scope.get("method") != "POST":
            return False
        self.asked += 1
        return self.asked % self.renew_answers == 0

    def refuses(self) -> bool:
        """Whether SIGTERM is near, or was."""
        return (self.told_seconds_ago() or 0) >= self.refuse_seconds

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


def closing(send: Send) -> Send:
    """The client's next request opens a connection of its own, which the Service sends elsewhere."""

    async def last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), _CLOSE]
        await send(message)

    return last


async def refuse(scope: Message, send: Send, status: int = 404) -> None:
    """404 tells nothing of what vLLM would serve; 401 is its own to who has no key; 503 is for later."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps(_REFUSALS[status]).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
