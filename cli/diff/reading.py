"""A kernel tree whose translation units are parsed when they are first needed, and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from mmuproof.cli.shared.caching import NO_RESULTS, UNITS, cache_folder
from mmuproof.cli.shared.naming import is_pattern
from mmuproof.compare.encodings import CONSTANTS
from mmuproof.lift.errors import SourceError
from mmuproof.lift.parsing.joined import NotJoined, parse_joined
from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.tree.configuration import Configuration, configuration
from mmuproof.lift.tree.defined import seems_to_define
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.included import Included
from mmuproof.lift.tree.source import KernelTree
from mmuproof.lift.tree.stand_ins import StandIns, clang_arguments, write_stand_ins
from mmuproof.lift.waiting import result_of
from mmuproof.model.lifted.unit_paths import MMU_C, MMU_UNITS, SPTE_C, is_of_mmu
from mmuproof.model.lifted.units import Units, saved_units

_KVM = "arch/x86/kvm"
_FEW = 2
"""So few units are parsed each by itself where they are kept: others may have parsed them before."""


@contextmanager
def kept_units() -> Iterator[SavedUnits | None]:
    """Where parsed units are kept, until the block ends; None where none are."""
    folder = None if NO_RESULTS in os.environ else cache_folder(UNITS)
    if folder is None:
        yield None
        return
    saved = saved_units(folder)
    yield saved
    # Where something has failed nobody waits.
    saved.finish()


class ReadTree:
    """A tree with its parsed units.

    Args:
        tree: the tree.
        folder: a folder of its own for the headers that the tree lacks.
        given: the user's configuration; ours if there is none.
        saved: where parsed units are kept, if they are.
        shared: the tree's units, where others need them as well.
    """

    def __init__(
        self,
        tree: KernelTree,
        folder: Path,
        given: DotConfig | None = None,
        saved: SavedUnits | None = None,
        shared: Units | None = None,
    ) -> None:
        self.tree, self._folder, self._given, self._saved, self._shared = tree, folder, given, saved, shared
        self._units: dict[str, Future[Mapping[str, Printed]]] = {}
        self._defining: dict[str, tuple[str, ...]] = {}

    @cached_property
    def stand_ins(self) -> StandIns:
        """The headers that the tree lacks, and the configuration that they stand for.

        Raises:
            SourceError: the tree lacks a file from which a header is made.
        """
        # Without a disk to keep them on it goes on as well; what is wrong with the tree is told then.
        with suppress(SourceError):
            if self._saved is not None:
                return self._saved.stand_ins(self.tree.root, self._given)
        return write_stand_ins(self.tree.root, self._folder, self._given)

    @cached_property
    def configuration(self) -> Configuration:
        """The configuration under which the tree is read, of which no file tells that a unit includes.

        Raises:
            SourceError: the tree lacks its Kconfig files, or has no KVM under that configuration.
        """
        return configuration(self.tree.root, self._given)

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

    def defining(self, function: str) -> tuple[str, ...]:
        """The units of KVM whose own text seems to define a function."""
        if function not in self._defining:
            self._defining[function] = tuple(
                file.relative_to(self.tree.root).as_posix()
                for file in sorted((self.tree.root / _KVM).rglob("*.c"))
                if seems_to_define(file.read_text("utf-8", errors="replace"), function)
            )
        return self._defining[function]

    def start(self, paths: Iterable[str], pool: ThreadPoolExecutor, *, every: bool, apart: bool) -> None:
        """Begin to parse units; clang runs outside the interpreter's lock.

        Args:
            paths: the units.
            pool: the threads that parse.
            every: whether all of their functions will be compared, and not only a few.
            apart: whether each is parsed by itself even if they can be parsed together.
        """
        wanted = [path for path in paths if path not in self._units]
        for path in wanted if self._shared is not None else ():
            self._units[path] = pool.submit(self._taken, path, every=every)
        lines = {
            path: clang_arguments(self.tree.root, self.stand_ins, path) for path in wanted if path not in self._units
        }
        together = not apart and (self._saved is None or len(lines) > _FEW)
        for group in [lines] if lines and together else [{path: line} for path, line in lines.items()]:
            read = pool.submit(self._read, group, every=every)
            self._units |= dict.fromkeys(group, read)

    def _taken(self, path: str, *, every: bool) -> Mapping[str, Printed]:
        assert self._shared is not None
        if not self._shared.has(path):
            # One that is not built is looked at all the same.
            return self._read({path: clang_arguments(self.tree.root, self.stand_ins, path)}, every=every)
        return _printed({path: self._shared.get(path).as_it_is()}, every=every)

    def _read(self, lines: Mapping[str, Sequence[str]], *, every: bool) -> Mapping[str, Printed]:
        return _printed(self._parsed(lines), every=every)

    def _parsed(self, lines: Mapping[str, Sequence[str]]) -> Mapping[str, Unit]:
        if len(lines) > 1:
            with suppress(NotJoined):
                return parse_joined(self.tree.root, lines, CONSTANTS)
        if self._saved is not None:
            return {path: self._saved.unit(self.tree.root, path, line) for path, line in lines.items()}
        return {path: Unit(self.tree.root, path, line, CONSTANTS) for path, line in lines.items()}

    def adopt(self, other: ReadTree, paths: Iterable[str]) -> None:
        """Take over units that another tree has, all of whose files are the same here."""
        for path in paths:
            if path in other._units:
                self._units.setdefault(path, other._units[path])

    def units(self, paths: Sequence[str]) -> dict[str, Printed]:
        """These units, all of which have been started.

        Raises:
            ParseFailed: one of them does not parse.
        """
        return {path: result_of(self._units[path])[path] for path in paths}


def _printed(units: Mapping[str, Unit], *, every: bool) -> Mapping[str, Printed]:
    printed = {path: Printed(unit, is_of_mmu) for path, unit in units.items()}
    for each in printed.values():
        each.prepare(every=every)
    return printed


def first_units(functions: Sequence[str], *trees: ReadTree) -> tuple[str, ...]:
    """The units to begin with, given the functions that are wanted; that of SPTEs is always looked at.

    Args:
        functions: names and patterns; all functions if there are none.
        trees: the trees that there are already, one or two.
    """
    # If none is named, those matter that have changed: in which units, both trees tell.
    found = set[str]() if functions or len(trees) < 2 else {*MMU_UNITS}
    for each in functions:
        units = set() if is_pattern(each) else {unit for tree in trees for unit in tree.defining(each)}
        found |= units or {*MMU_UNITS}
    # The largest first: where they are parsed one by one, the others fill the time until it is.
    return tuple(sorted({SPTE_C, *found}, key=lambda path: (path != MMU_C, path)))


def _is_surely_affected(old: ReadTree, new: ReadTree, path: str) -> bool:
    """Whether a unit may be another in the new tree, as far as that is seen without comparing the trees."""
    changed = new.tree.changed or frozenset()
    return old.text(path) != new.text(path) or (bool(changed) and not new.included.of_kvm(path).isdisjoint(changed))


def is_affected(old: ReadTree, new: ReadTree, path: str, changed: Callable[[], Collection[str]]) -> bool:
    """Whether a unit may be another in the new tree, given the files in which the trees differ."""
    if _is_surely_affected(old, new, path) or old.configuration.values != new.configuration.values:
        return True
    # Comparing the trees takes long.
    return any(each.included.reaches(path, changed()) for each in (old, new))


class Parsing:
    """Parses units of two trees side by side; what is the same in both, once.

    Args:
        every: whether all functions will be compared, and not only a few.
        apart: whether each unit is parsed by itself even if several can be parsed together.
    """

    def __init__(self, *, every: bool, apart: bool = False) -> None:
        self._pool, self._every, self._apart = ThreadPoolExecutor(2), every, apart

    def _start(self, tree: ReadTree, paths: Iterable[str]) -> None:
        tree.start(paths, self._pool, every=self._every, apart=self._apart)

    def __enter__(self) -> Parsing:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        # No thread may be left when a tree goes away; but nobody waits for clang if all ends.
        self._pool.shutdown(wait=failed is None, cancel_futures=True)

    def begin_old(self, old: ReadTree, paths: Iterable[str]) -> None:
        """Begin with units of the old tree, while the new one may still be made."""
        self._start(old, paths)

    def begin(self, old: ReadTree, new: ReadTree, paths: Iterable[str]) -> None:
        """Begin with those units that will be parsed in both trees whatever else turns out to have changed."""
        affected = [path for path in paths if old.has(path) and new.has(path) and _is_surely_affected(old, new, path)]
        for each in (new, old):
            self._start(each, affected)

    def finish(self, old: ReadTree, new: ReadTree, paths: Sequence[str], affected: Callable[[str], bool]) -> None:
        """Parse units and wait for them: no thread is left.

        Args:
            old: one tree.
            new: the other.
            paths: the units.
            affected: whether a unit may be another in the new tree.

        Raises:
            ParseFailed: one of them does not parse.
        """
        self._start(old, paths)
        new.adopt(old, [path for path in paths if not affected(path)])
        self._start(new, paths)
        for each in (old, new):
            each.units(paths)
        self._pool.shutdown(wait=True)
