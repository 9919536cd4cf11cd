"""Runs a function on another core while this one does something else."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

CORES = 2
A = TypeVar("A")
T = TypeVar("T")


def in_background(work: Callable[[A], T], given: A) -> Callable[[], T]:
    """Start the function in a forked process; the returned function waits for its result or raises its error.

    Without a second core, or where a fork is not safe, the work is done when the result is asked for;
    likewise after the process was killed, as by the OOM killer.
    """
    if sys.platform != "linux" or threading.active_count() > 1 or len(os.sched_getaffinity(0)) < CORES:
        return partial(work, given)
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    begun = pool.submit(work, given)
    pool.shutdown(wait=False)

    def result() -> T:
        try:
            return begun.result()
        except BrokenProcessPool:
            return work(given)

    return result
