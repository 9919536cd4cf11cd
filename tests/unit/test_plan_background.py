"""Work that is done meanwhile, in a process of its own or in this one: the same answer, the same failure."""

import os
import threading

import pytest

from fleet.plan.background import in_background


def process_of(_: object) -> int:
    return os.getpid()


def killed_elsewhere(here: int) -> int:
    if os.getpid() != here:
        os._exit(9)
    return here


def broken(text: str) -> int:
    raise ValueError(text)


@pytest.fixture(params=[1, 2])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(request.param)))
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # pytest may have more
    return int(request.param)


def test_it_is_done_elsewhere_where_there_is_another_core(cores: int) -> None:
    assert (in_background(process_of, None)() == os.getpid()) is (cores == 1)


def test_what_it_raised_is_raised_where_its_answer_is_asked_for(cores: int) -> None:
    begun = in_background(broken, "no such model")
    with pytest.raises(ValueError, match="no such model"):
        begun()


def test_it_is_done_here_where_the_other_process_was_killed(cores: int) -> None:
    assert in_background(killed_elsewhere, os.getpid())() == os.getpid()
