"""A kernel tree whose translation units are parsed when they are first needed, and kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from mmuproof.lift.included import Included
from mmuproof.lift.printed import Printed
from mmuproof.lift.source import KernelTree
from mmuproof.lift.stand_ins import StandIns, clang_arguments, write_stand_ins
from mmuproof.lift.unit import Unit
from mmuproof.model.lifted.unit_paths import MACROS
from mmuproof.model.lifted.versions import Version


class ReadTree:
    """A tree with its parsed units.

    Args:
        tree: the tree.
        folder: a folder of its own for the headers that the tree lacks.
    """

    def __init__(self, tree: KernelTree, folder: Path) -> None:
        self.tree, self._folder = tree, folder
        self._units: dict[str, Future[Printed]] = {}

    @cached_property
    def stand_ins(self) -> StandIns:
        """The headers that the tree lacks, and the configuration that they stand for.

        Raises:
            SourceError: the tree lacks a file from which a header is made.
        """
        return write_stand_ins(self.tree.root, self._folder)

    @cached_property
    def included(self) -> Included:
        """What the tree's units may include."""
        return Included(self.tree.root)

    def has(self, path: str) -> bool:
        """Whether the tree has a file."""
        return (self.tree.root / path).is_file()

    def text(self, path: str) -> bytes:
        """The text of a file."""
        return (self.tree.root / path).read_bytes()

    def start(self, paths: Iterable[str], pool: ThreadPoolExecutor) -> None:
        """Begin to parse units; clang runs outside the interpreter's lock."""
        for path in paths:
            if path not in self._units:
                arguments = clang_arguments(self.tree.root, self.stand_ins, path)
                self._units[path] = pool.submit(self._read, path, arguments)

    def _read(self, path: str, arguments: Sequence[str]) -> Printed:
        printed = Printed(Unit(self.tree.root, path, arguments, MACROS))
        printed.prepare()
        return printed

    def adopt(self, other: ReadTree, paths: Iterable[str]) -> None:
        """Take over units that another tree has, all of whose files are the same here."""
        for path in paths:
            if path in other._units:
                self._units.setdefault(path, other._units[path])

    def version(self, paths: Sequence[str]) -> Version:
        """The version of the MMU in these units, all of which have been started.

        Raises:
            ParseFailed: one of them does not parse.
        """
        return Version({path: self._units[path].result() for path in paths})


class Parsing:
    """Parses units of two trees side by side, until the ``with`` block ends; what is the same in both, once.

    Args:
        old: one tree.
        new: the other.
    """

    def __init__(self, old: ReadTree, new: ReadTree) -> None:
        self._old, self._new = old, new
        self._pool = ThreadPoolExecutor(2)

    def __enter__(self) -> Parsing:
        return self

    def __exit__(self, *_: object) -> None:
        # No thread may be left when processes are made.
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, paths: Iterable[str]) -> None:
        """Begin with those units whose own text is another: they are parsed in both trees whatever else has changed."""
        for path in paths:
            if self._old.has(path) and self._new.has(path) and self._old.text(path) != self._new.text(path):
                self._old.start([path], self._pool)
                self._new.start([path], self._pool)

    def finish(self, paths: Sequence[str], changed: Collection[str]) -> None:
        """Parse units, given the files in which the trees differ, and wait for them.

        Raises:
            ParseFailed: one of them does not parse.
        """
        for path in paths:
            self._old.start([path], self._pool)
            if not any(each.included.reaches(path, changed) for each in (self._old, self._new)):
                self._new.adopt(self._old, [path])
            self._new.start([path], self._pool)
        for each in (self._old, self._new):
            each.version(paths)
