"""Waiting for what threads do, so that a signal ends it.

A signal that another thread is given, or that comes just before one begins to wait, wakes nobody: who waits looks up.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

_T = TypeVar("_T")

LOOKED_UP = 0.2
"""Seconds after which one that waits looks up."""


def wait_for(futures: Iterable[Future[Any]]) -> None:
    """Wait until all of some futures are done, or have failed."""
    left = set(futures)
    while left:
        left = wait(left, LOOKED_UP).not_done


def result_of(future: Future[_T]) -> _T:
    """What a future gives, once it is done; what it raises is raised."""
    wait_for([future])
    return future.result()
