"""Work on another core while this one does something else."""

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


def meanwhile(work: Callable[[A], T], given: A) -> Callable[[], T]:
    """Begin it in a process of its own; what is answered waits for its result, or raises what it raised.

    Where forking is not safe, or there is no second core, it is done when it is asked for; likewise where
    that process was killed, as for want of memory.
    """
    if sys.platform != "linux" or threading.active_count() > 1 or len(os.sched_getaffinity(0)) < CORES:
        return partial(work, given)
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    begun = pool.submit(work, given)
    pool.shutdown(wait=False)

    def answer() -> T:
        try:
            return begun.result()
        except BrokenProcessPool:
            return work(given)

    return answer
