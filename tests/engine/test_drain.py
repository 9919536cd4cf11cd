"""A replica's end, as the kubelet brings it about: preStop is over, SIGTERM, and SIGKILL when grace is.

In flight at SIGTERM are answers that fit the shutdown timeout, and some that never could: 3000 tokens each.
"""

import contextlib
import os
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import urllib3

from elastic_vllm.vllm import routes
from tests.engine import conftest
from tests.engine.client import CHAT, Answer, Stream, call, chat, gauge, until
from tests.engine.process import Engine

pytestmark = pytest.mark.engine
SHORT, LONG = 100, 3000
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


@pytest.fixture(scope="session")
def drained(engine: Engine) -> Drained:
    """The shared engine's end; tests with this fixture run last."""
    found = drain(engine)
    conftest.FIGURES.append(
        f"drain: gone {found.exit_seconds:.1f} s after SIGTERM, exit code {found.exit_code}"
    )
    return found


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


def test_what_fits_the_shutdown_timeout_is_answered_whole(drained: Drained) -> None:
    assert [(s.finish, s.error, s.usage["completion_tokens"]) for s in drained.short] == [
        ("length", None, SHORT)
    ] * 3
    assert drained.short_plain.result().tokens == SHORT


def test_what_does_not_fit_is_closed_with_an_error_and_never_left_hanging(drained: Drained) -> None:
    assert [(stream.finish, bool(stream.error)) for stream in drained.long] == [(None, True)] * 2
    with contextlib.suppress(urllib3.exceptions.ProtocolError):
        assert drained.long_plain.result().status == 500
    # Not by SIGKILL: the process closed them itself, as soon as no engine was left to answer.
    promised = int(drained.engine.rendered.option("--shutdown-timeout")) + routes.CLOSE_SECONDS
    late = [stream.ended_at - drained.began - promised for stream in drained.long]
    assert (
        max(late)
        < drained.engine.rendered.grace_seconds - drained.engine.rendered.pre_stop_seconds - promised
    )


def test_a_draining_replica_still_looks_ready_and_refuses_work_so_prestop_has_to_come_first(
    drained: Drained,
) -> None:
    assert drained.probes == ["200", "200"]
    assert drained.latecomer == 503


def test_the_process_ends_by_itself_before_grace_does(drained: Drained) -> None:
    assert drained.exit_code == 0
