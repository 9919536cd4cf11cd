"""A replica's end, as the kubelet brings it about: preStop is over, SIGTERM, and SIGKILL when grace is.

In flight at SIGTERM are answers that fit the shutdown timeout, and some that never could: 3000 tokens each.
"""

import contextlib

import pytest
import urllib3

from elastic_vllm.vllm import routes
from tests.engine import conftest
from tests.engine.draining import SHORT, Drained, drain
from tests.engine.process import Engine

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def drained(engine: Engine) -> Drained:
    """The shared engine's end; tests with this fixture run last."""
    found = drain(engine)
    conftest.FIGURES.append(
        f"drain: gone {found.exit_seconds:.1f} s after SIGTERM, exit code {found.exit_code}"
    )
    return found


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
