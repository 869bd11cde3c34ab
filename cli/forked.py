"""Work on many things side by side, in processes that share what has been read before."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

RECURSION = 20_000
"""How deep Python may call in a process: code runs code of the kernel's that calls code."""


class Died(RuntimeError):  # noqa: N818 - reads as what happened
    """A process has ended before its work was done."""


def side_by_side(work: Callable[[_T], _R], items: Sequence[_T], processes: int, done: Callable[[], None]) -> list[_R]:
    """The results of ``work`` on each item, in the order of the items.

    The processes are copies of this one, so nothing that ``work`` needs is handed over; what it returns is pickled.

    Args:
        work: has to give the same whatever it has been given before.
        items: what it is given.
        processes: how many copies there are.
        done: is told of each item that is finished.

    Raises:
        Died: a process has ended early.
    """
    if not items:
        return []
    context = multiprocessing.get_context("fork")
    results: dict[int, _R] = {}
    todo = iter(range(len(items)))
    running: dict[Connection, multiprocessing.process.BaseProcess] = {}
    try:
        for _ in range(min(processes, len(items))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(work, items, theirs), daemon=True)
            process.start()
            theirs.close()
            running[ours] = process
            ours.send(next(todo))
        while len(results) < len(items):
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                try:
                    index, result, error = connection.recv()
                except EOFError:
                    raise Died("a process that compared functions has died") from None
                if error is not None:
                    raise error
                results[index] = result
                done()
                index = next(todo, None)
                connection.send(index)
                if index is None:
                    running.pop(connection).join()
                    connection.close()
    finally:
        for connection, each in running.items():
            connection.close()
            each.terminate()
            each.join()
    return [results[index] for index in range(len(items))]


def _serve(work: Callable[[_T], _R], items: Sequence[_T], connection: Connection) -> None:
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
        try:
            connection.send((index, work(items[index]), None))
        except Exception as error:
            connection.send((index, None, error))
