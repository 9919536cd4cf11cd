"""A client of the engine: plain requests, and streams whose end is told apart."""

import base64
import io
import json
import re
import struct
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

from tests.engine.process import Engine
from tests.engine.rendered import KEY

CHAT = "/v1/chat/completions"
PATIENCE = 900
OPEN = {"/health", "/metrics"}
LISTED = {"/v1/models", "/v1/chat/completions", "/v1/completions"}


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    body: Any  # Any: JSON

    @property
    def text(self) -> str:
        """What the model said."""
        return str(self.body["choices"][0]["message"]["content"])

    @property
    def tokens(self) -> int:
        """How many tokens it said."""
        return int(self.body["usage"]["completion_tokens"])


def call(
    engine: Engine, path: str, body: object = None, *, method: str | None = None, key: str | None = KEY
) -> Answer:
    """One request; a body makes it a POST. An answer that is not JSON is text."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    with urllib3.PoolManager() as pool:
        response = pool.request(
            method or ("GET" if body is None else "POST"),
            engine.url + path,
            body=None if body is None else json.dumps(body).encode(),
            headers=headers,
            timeout=PATIENCE,
            retries=False,
        )
        text = response.data.decode()
    try:
        return Answer(response.status, json.loads(text))
    except ValueError:
        return Answer(response.status, text)


def chat(content: object = "Describe an elastic band.", **more: object) -> dict[str, object]:
    """The body of a chat request."""
    return {"model": "chat", "messages": [{"role": "user", "content": content}], **more}


def image(width: int, height: int, shade: int = 128) -> dict[str, object]:
    """A part of a prompt: a grey PNG."""
    row = b"\0" + bytes([shade]) * width
    png = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    png.seek(0, io.SEEK_END)
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height)),
        (b"IEND", b""),
    ):
        png.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    url = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url}}


def gauge(engine: Engine, name: str) -> float:
    """A metric's value, added up over its labels."""
    lines = call(engine, "/metrics").body.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{"))


def until(engine: Engine, name: str, value: float) -> None:
    """Return once a metric has a value."""
    deadline = time.monotonic() + 30
    while gauge(engine, name) != value:
        assert time.monotonic() < deadline, f"{name} is {gauge(engine, name)}, not {value}"
        time.sleep(0.05)


@dataclass
class Stream(threading.Thread):
    """A streamed answer, read on a thread of its own."""

    engine: Engine
    body: Mapping[str, object]
    status: int = 0
    chunks: int = 0
    finish: str | None = None
    """``length`` or ``stop`` once the answer is whole."""
    error: str | None = None
    """How it broke off: what the server sent, or what the connection did."""
    usage: Any = None  # Any: JSON
    first_seconds: float = 0
    ended_at: float = 0
    _moved: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.start()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Read to the end, whatever end."""
        try:
            self._read()
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            self.error = f"{type(problem).__name__}: {problem}"
        with self._moved:
            self.ended_at = time.monotonic()
            self._moved.notify_all()

    def _read(self) -> None:
        began = time.monotonic()
        pool = urllib3.PoolManager()
        response = pool.request(
            "POST",
            self.engine.url + CHAT,
            json={**self.body, "stream": True, "stream_options": {"include_usage": True}},
            headers={"authorization": f"Bearer {KEY}"},
            timeout=PATIENCE,
            retries=False,
            preload_content=False,
        )
        self.status = response.status
        for raw in response:
            line = raw.decode().strip()
            if line.startswith("data: {"):
                self.first_seconds = self.first_seconds or time.monotonic() - began
                self._take(json.loads(line.removeprefix("data: ")))

    def _take(self, event: Any) -> None:  # Any: JSON
        with self._moved:
            if "error" in event:
                self.error = str(event["error"])
            self.usage = event.get("usage") or self.usage
            for choice in event.get("choices", ()):
                self.chunks += 1
                self.finish = choice["finish_reason"] or self.finish
            self._moved.notify_all()

    def wait(self, until: Callable[["Stream"], bool]) -> None:
        """Return once ``until`` holds or the stream has ended."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.ended_at > 0 or until(self), PATIENCE), "no progress"

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.ended_at > 0


def routes(engine: Engine) -> dict[str, set[str]]:
    """Every route that vLLM has, by its own log, with its methods."""
    found: dict[str, set[str]] = {}
    for path, methods in re.findall(r"Route: (/[^,]*), Methods: ([A-Z, ]+)", engine.log):
        found.setdefault(path, set()).update(methods.split(", "))
    return found
