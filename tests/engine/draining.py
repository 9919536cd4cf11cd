"""Ends an engine as the kubelet does, with answers in flight, and keeps what everyone saw."""

import contextlib
import os
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import urllib3

from tests.engine.client import CHAT, Answer, Stream, call, chat, gauge, until
from tests.engine.process import Engine

SHORT, LONG = 60, 3000
"""Tokens. On a machine at 13 a second SHORT fits twelve seconds; at 200 a second LONG does not."""
BEGUN = "vllm:time_to_first_token_seconds_count"


@dataclass
class Drained:
    """What clients, the kubelet and a latecomer saw."""

    engine: Engine
    short: list[Stream]
    long: list[Stream]
    short_plain: "Future[Answer]"
    long_plain: "Future[Answer]"
    probes: list[str]
    latecomer: int
    exit_code: int | None
    """``None`` where grace ended first."""
    exit_seconds: float
    began: float


def drain(engine: Engine) -> Drained:
    """An engine's end, with answers in flight on both sides of its limit."""
    begun = gauge(engine, BEGUN)
    with ThreadPoolExecutor() as pool:
        long = [Stream(engine, chat(max_tokens=LONG)) for _ in range(2)]
        long_plain = pool.submit(call, engine, CHAT, chat(max_tokens=LONG))
        short = [Stream(engine, chat(max_tokens=SHORT)) for _ in range(3)]
        short_plain = pool.submit(call, engine, CHAT, chat(max_tokens=SHORT))
        # A plain answer shows nothing of itself until it is whole; only the engine knows it began.
        until(engine, BEGUN, begun + len(long) + len(short) + 2)
        tell(engine, engine.rendered.pre_stop_seconds)
        began = time.monotonic()
        engine.terminate()
        time.sleep(1)  # the kubelet's next probe, and a client whose proxy has not heard yet
        latecomer = _status(engine)
        probes = [engine.probe(kind) for kind in ("readiness", "liveness")]
        left = engine.rendered.grace_seconds - engine.rendered.pre_stop_seconds
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = engine.process.wait(left - (time.monotonic() - began))
        seconds = time.monotonic() - began
        engine.end()
        for stream in (*short, *long):
            stream.join()
    return Drained(engine, short, long, short_plain, long_plain, probes, latecomer, code, seconds, began)


def tell(engine: Engine, seconds_ago: int) -> None:
    """What ``preStop`` does, so long ago."""
    began = time.time() - seconds_ago
    engine.leaving.touch()
    os.utime(engine.leaving, (began, began))


def _status(engine: Engine) -> int:
    """What a new request gets; 0 where nobody listens any more."""
    try:
        return call(engine, CHAT, chat(max_tokens=1)).status
    except urllib3.exceptions.HTTPError:
        return 0
