"""Work on another core while this one does something else."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")


def meanwhile(work: Callable[[A], T], given: A) -> Callable[[], T]:
    """Begin it in a process of its own; what is answered waits for its result, or raises what it raised.

    Where forking is not safe, or there is no second core, it is done when it is asked for.
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:  # cores
        return partial(work, given)
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    begun = pool.submit(work, given)
    pool.shutdown(wait=False)
    return begun.result
