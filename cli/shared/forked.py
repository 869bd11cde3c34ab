"""Work on many things side by side, in processes that share what has been read before."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from mmuproof.cli.shared.process import RECURSION, shared_memory
from mmuproof.lift.waiting import LOOKED_UP

_T = TypeVar("_T")
_R = TypeVar("_R")

_DIED = "a process that compared functions has died"


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
    lost: Callable[[_T, str], _R] | None = None,
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
        lost: the result for an item at which a process has ended, given how it did; another one goes on with the rest.

    Raises:
        Died: a process has ended early, and no ``lost`` is given.
    """
    if not items:
        meanwhile()
        return []
    context = multiprocessing.get_context("fork")
    results: dict[int, _R] = {}
    workers = min(processes, len(items))
    todo = _Stretches(len(items), workers)
    running: dict[Connection, _Worker] = {}

    def start(number: int, index: int | None) -> None:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(work, items, theirs, (*running, ours)), daemon=True)
        process.start()
        theirs.close()
        running[ours] = _Worker(number, process, index)
        _send(ours, index)

    def ended(connection: Connection) -> None:
        worker = running.pop(connection)
        connection.close()
        worker.process.join()
        if lost is None or worker.index is None:
            raise Died(_DIED) from None
        results[worker.index] = lost(items[worker.index], _how_it_ended(worker.process.exitcode))
        done()
        index = todo.next(worker.number)
        if index is not None:
            start(worker.number, index)

    with shared_memory():
        try:
            for number in range(workers):
                start(number, todo.next(number))
            meanwhile()
            while len(results) < len(items):
                for connection in wait(list(running), LOOKED_UP):
                    assert isinstance(connection, Connection)
                    worker = running[connection]
                    try:
                        index, result, error = connection.recv()
                    except (EOFError, OSError):
                        ended(connection)
                        continue
                    if error is not None:
                        raise error
                    results[index] = result
                    done()
                    worker.index = todo.next(worker.number)
                    try:
                        connection.send(worker.index)
                    except OSError:
                        ended(connection)
                        continue
                    if worker.index is None:
                        del running[connection]
                        worker.process.join()
                        connection.close()
        finally:
            for connection, worker in running.items():
                connection.close()
                worker.process.terminate()
                worker.process.join()
    return [results[index] for index in range(len(items))]


@dataclass
class _Worker:
    """A process, and the item that it works on."""

    number: int
    process: multiprocessing.process.BaseProcess
    index: int | None


def _how_it_ended(status: int | None) -> str:
    if status is None or status >= 0:
        return f"has ended with {status}"
    return f"was ended by {signal.Signals(-status).name}"


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
        except (EOFError, OSError):
            # The other end is closed, perhaps before it has read all that it was told.
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
