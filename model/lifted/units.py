"""The translation units of a tree, parsed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from mmuproof.lift.unit import Unit


class Units:
    """Translation units by path.

    Args:
        parse: parses the unit at a path, relative to the tree.
        pool: where that happens; clang runs outside the interpreter's lock, so units are parsed side by side.
    """

    def __init__(self, parse: Callable[[str], Unit], pool: ThreadPoolExecutor) -> None:
        self._parse, self._pool = parse, pool
        self._futures: dict[str, Future[Unit]] = {}

    def start(self, paths: Iterable[str]) -> None:
        """Begin to parse units that will be asked for."""
        for path in paths:
            if path not in self._futures:
                self._futures[path] = self._pool.submit(self._parse, path)

    def get(self, path: str) -> Unit:
        """The unit at a path.

        Raises:
            ParseFailed: it does not parse.
            SourceError: it cannot be read.
        """
        self.start([path])
        return self._futures[path].result()

    def parsed(self) -> tuple[Unit, ...]:
        """The units that have been asked for or begun, in the order of that."""
        return tuple(future.result() for future in self._futures.values())
