"""The translation units of a tree, parsed when they are first asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.waiting import result_of, wait_for
from mmuproof.model.lifted.constants import LOOKED_UP

_THREADS = 2


def saved_units(folder: Path, spare: Path | None = None) -> SavedUnits:
    """The units that are kept in a folder: the same for whoever asks a tree for no more constants than all do.

    Args:
        folder: where they are.
        spare: a folder for those that are needed at once, where that one cannot be written.
    """
    elsewhere = None if spare is None else SavedUnits(spare, constants=LOOKED_UP)
    return SavedUnits(folder, constants=LOOKED_UP, spare=elsewhere)


class Units:
    """Translation units by path.

    Args:
        root: the tree's folder.
        parse: parses the unit at a path, relative to the tree; clang runs outside the interpreter's lock, so units
            are parsed in several threads.
        like: the units of the same tree without the changes in ``changed``, if they have been parsed already.
        changed: files whose text is another than in ``like``; a unit without any of them is taken from there.
        left_out: paths of units that the configuration does not build.
    """

    def __init__(
        self,
        root: Path,
        parse: Callable[[str], Unit],
        like: Units | None = None,
        changed: Collection[str] = (),
        left_out: Collection[str] = (),
    ) -> None:
        self._root, self._parse, self._left_out = root, parse, left_out
        self._like, self._changed = like, frozenset(changed)
        self._futures: dict[str, Future[Unit]] = {}
        self._loading: list[Future[None]] = []

    def under(self, names: FormerNames) -> Units:
        """The same units, read under the names that an earlier tree has."""
        return Units(self._root, lambda path: self.get(path).under(names), left_out=self._left_out)

    def start(self, paths: Iterable[str]) -> None:
        """Begin to parse units that will be asked for."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._futures and self.has(path)]
        if wanted:
            # The threads end with their work: a copy of this process would have none of them.
            pool = ThreadPoolExecutor(_THREADS)
            self._futures.update((path, pool.submit(self._find, path)) for path in wanted)
            pool.shutdown(wait=False)

    def load(self, paths: Iterable[str]) -> None:
        """Begin to load units, of those that are kept, of which more will be asked than what they declare."""
        wanted = [path for path in dict.fromkeys(paths) if self.has(path)]
        self.start(wanted)
        pool = ThreadPoolExecutor(_THREADS)
        self._loading += [pool.submit(lambda path: self.get(path).load(), path) for path in wanted]
        pool.shutdown(wait=False)

    def finish(self) -> None:
        """Wait until all that has been begun is parsed and loaded, or has failed to be."""
        wait_for([*self._futures.values(), *self._loading])
        self._loading.clear()

    def __enter__(self) -> Units:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """Begin nothing any more, and wait for what has been begun: but not if all ends, as clang may take long."""
        for futures in (self._futures.values(), self._loading):
            for future in futures:
                future.cancel()
        if failed is None:
            self.finish()

    def _find(self, path: str) -> Unit:
        if self._like is not None:
            unchanged = self._like.get(path)
            if not unchanged.files & self._changed:
                return unchanged
        return self._parse(path)

    def part(self) -> None:
        """Take over what is the same in the other tree, as far as it is parsed there, and need that no more."""
        if self._like is not None:
            for unit in self._like.parsed:
                if unit.path not in self._futures and self.has(unit.path) and not unit.files & self._changed:
                    self._futures[unit.path] = self._like._futures[unit.path]
            self._like = None

    @property
    def parsed(self) -> tuple[Unit, ...]:
        """The units that have been parsed so far."""
        done = (each for each in self._futures.values() if each.done() and not each.cancelled())
        return tuple(each.result() for each in done if each.exception() is None)

    def has(self, path: str) -> bool:
        """Whether the tree has a file for a unit, and the configuration builds it."""
        return path not in self._left_out and (self._root / path).is_file()

    def mentioning(self, names: Collection[str], *patterns: str) -> tuple[str, ...]:
        """The files of the tree that shell patterns select, and whose text has one of some names in it."""
        found = (path for pattern in patterns for path in sorted(self._root.glob(pattern)))
        words = {path: frozenset(re.findall(r"\w+", path.read_text("utf-8", errors="replace"))) for path in found}
        return tuple(
            path.relative_to(self._root).as_posix() for path, these in words.items() if not these.isdisjoint(names)
        )

    def defining(self, macro: str, *patterns: str) -> str:
        """Where a macro or an enumerator is defined, ``file:line``, in files of the tree that shell patterns select."""
        name = re.escape(macro)
        definition = re.compile(rf"\s*(?:#\s*define\s+{name}\b|{name}\s*[=,])")
        for path in (path for pattern in patterns for path in sorted(self._root.glob(pattern))):
            for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
                if macro in line and definition.match(line):
                    return f"{path.relative_to(self._root).as_posix()}:{number}"
        return ""

    def get(self, path: str) -> Unit:
        """The unit at a path.

        Raises:
            ParseFailed: it does not parse.
            SourceError: the tree has no such file, or it cannot be read.
        """
        self.start([path])
        if path not in self._futures:
            raise SourceError(f"the tree has no {path}")
        return result_of(self._futures[path])
