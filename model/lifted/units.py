"""The translation units of a tree, parsed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.unit import Unit


class Units:
    """Translation units by path.

    Args:
        root: the tree's folder.
        parse: parses the unit at a path, relative to the tree.
        pool: where that happens; clang runs outside the interpreter's lock, so units are parsed side by side.
        like: the units of the same tree without the changes in ``changed``, if they have been parsed already.
        changed: files whose text is another than in ``like``; a unit without any of them is taken from there.
    """

    def __init__(
        self,
        root: Path,
        parse: Callable[[str], Unit],
        pool: ThreadPoolExecutor,
        like: Units | None = None,
        changed: Collection[str] = (),
    ) -> None:
        self._root, self._parse, self._pool = root, parse, pool
        self._like, self._changed = like, frozenset(changed)
        self._futures: dict[str, Future[Unit]] = {}

    def start(self, paths: Iterable[str]) -> None:
        """Begin to parse units that will be asked for."""
        for path in paths:
            if path not in self._futures and self.has(path):
                self._futures[path] = self._pool.submit(self._find, path)

    def _find(self, path: str) -> Unit:
        if self._like is not None:
            unchanged = self._like.get(path)
            if not unchanged.files & self._changed:
                return unchanged
        return self._parse(path)

    def has(self, path: str) -> bool:
        """Whether the tree has a file for a unit."""
        return (self._root / path).is_file()

    def get(self, path: str) -> Unit:
        """The unit at a path.

        Raises:
            ParseFailed: it does not parse.
            SourceError: the tree has no such file, or it cannot be read.
        """
        self.start([path])
        if path not in self._futures:
            raise SourceError(f"the tree has no {path}")
        return self._futures[path].result()
