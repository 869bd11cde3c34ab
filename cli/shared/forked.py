"""Work on many things side by side, in processes that share what has been read before."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from mmuproof.cli.shared.process import shared_memory

_T = TypeVar("_T")
_R = TypeVar("_R")

RECURSION = 20_000
"""How deep Python may call in a process: code runs code of the kernel's that calls code."""
_DIED = "a process that compared functions has died"
_LOOKED_UP = 1.0
"""Seconds after which one that waits looks up: a signal that comes just before it begins to wait does not wake it."""


class Died(RuntimeError):  # noqa: N818 - reads as what happened
    """A process has ended before its work was done."""


def nothing() -> None:
    """Do nothing."""


def side_by_side(
    work: Callable[[_T], _R],
    items: Sequence[_T],
    processes: int,
    done: Callable[[], None],
    meanwhile: Callable[[], None] = nothing,
) -> list[_R]:
    """The results of ``work`` on each item, in the order of the items.

    The processes are copies of this one, so nothing that ``work`` needs is handed over; what it returns is pickled.
    Each works through a stretch of neighbours, which often need the same, and then helps the others with theirs.

    Args:
        work: has to give the same whatever it has been given before.
        items: what it is given.
        processes: how many copies there are.
        done: is told of each item that is finished.
        meanwhile: is called once, as soon as the copies are at work.

    Raises:
        Died: a process has ended early.
    """
    if not items:
        meanwhile()
        return []
    context = multiprocessing.get_context("fork")
    results: dict[int, _R] = {}
    workers = min(processes, len(items))
    todo = _Stretches(len(items), workers)
    running: dict[Connection, tuple[int, multiprocessing.process.BaseProcess]] = {}
    with shared_memory():
        try:
            for number in range(workers):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(work, items, theirs, (*running, ours)), daemon=True)
                process.start()
                theirs.close()
                running[ours] = number, process
                _send(ours, todo.next(number))
            meanwhile()
            while len(results) < len(items):
                for connection in wait(list(running), _LOOKED_UP):
                    assert isinstance(connection, Connection)
                    try:
                        index, result, error = connection.recv()
                    except (EOFError, OSError):
                        raise Died(_DIED) from None
                    if error is not None:
                        raise error
                    results[index] = result
                    done()
                    worker, each = running[connection]
                    index = todo.next(worker)
                    _send(connection, index)
                    if index is None:
                        del running[connection]
                        each.join()
                        connection.close()
        finally:
            for connection, (_, each) in running.items():
                connection.close()
                each.terminate()
                each.join()
    return [results[index] for index in range(len(items))]


class _Stretches:
    """Which of some items are left to do, a stretch of them for each of several workers."""

    def __init__(self, items: int, workers: int) -> None:
        bounds = [items * worker // workers for worker in range(workers + 1)]
        self._left = [deque(range(first, last)) for first, last in pairwise(bounds)]

    def next(self, worker: int) -> int | None:
        """The next item for a worker: of its own stretch, then the last one of the stretch with most left."""
        if self._left[worker]:
            return self._left[worker].popleft()
        longest = max(self._left, key=len)
        return longest.pop() if longest else None


def _send(connection: Connection, index: int | None) -> None:
    try:
        connection.send(index)
    except OSError:
        raise Died(_DIED) from None


def _serve(work: Callable[[_T], _R], items: Sequence[_T], connection: Connection, others: Sequence[Connection]) -> None:
    # A copy that kept these open would not notice when the process that it is a copy of has ended.
    for each in others:
        each.close()
    sys.setrecursionlimit(RECURSION)
    # The process that this is a copy of cleans up; a copy just ends.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    while True:
        try:
            index = connection.recv()
        except EOFError:
            return
        if index is None:
            return
        answer: tuple[int, _R | None, Exception | None]
        try:
            answer = (index, work(items[index]), None)
        except Exception as error:
            answer = (index, None, error)
        try:
            connection.send(answer)
        except OSError:
            # Nobody waits for it any more.
            return
        except Exception as error:
            connection.send((index, None, error))
