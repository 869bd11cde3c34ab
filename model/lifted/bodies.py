"""The bodies of KVM's functions in a tree, by which it is told what a result rests on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mmuproof.lift.parsing.bodies import skeletons
from mmuproof.lift.skeleton import Skeleton
from mmuproof.lift.syntax import Location
from mmuproof.lift.tree.source import Contents, KernelTree
from mmuproof.model.edits import SourceEdit, edited_lines
from mmuproof.model.lifted.unit_paths import MMU_C, SPTE_C, TDP_MMU_C, UNITS
from mmuproof.model.lifted.units import Units

_NEARLY_ALWAYS = (MMU_C, SPTE_C, TDP_MMU_C)
"""Units without which hardly any theorem can be stated."""


class KernelBodies:
    """KVM's files in a tree, and the bodies of the functions in them.

    Args:
        tree: the tree.
        units: its translation units.
    """

    def __init__(self, tree: KernelTree, units: Units) -> None:
        self._tree, self._units = tree, units
        self._seen: dict[tuple[frozenset[str], tuple[str, ...]], Mapping[str, Skeleton]] = {}
        self._written: dict[tuple[frozenset[Location], tuple[str, ...]], Mapping[tuple[str, str], str]] = {}

    @property
    def contents(self) -> Contents:
        """See `KernelTree.contents`."""
        return self._tree.contents

    def is_as_it_was(self) -> bool:
        """Whether nobody has changed the tree since it was opened; see `KernelTree.is_as_it_was`."""
        return self._tree.is_as_it_was()

    @property
    def is_read(self) -> bool:
        """Whether every unit has been parsed."""
        parsed = {unit.path for unit in self._units.parsed}
        return all(path in parsed for path in self._paths)

    @property
    def _paths(self) -> list[str]:
        return [path for path in UNITS if self._units.has(path)]

    def by_unit(self) -> Mapping[str, frozenset[str]]:
        """KVM's files that each unit is made of, parsed if it is not yet.

        Raises:
            LiftError: a unit does not parse.
        """
        self._units.start(self._paths)
        return {path: self._units.get(path).files & self.contents.of_kvm.keys() for path in self._paths}

    def skeletons(self, files: Collection[str], units: Collection[str]) -> Mapping[str, Skeleton]:
        """Some files, as the units see them that they are part of.

        Raises:
            LiftError: a unit does not parse, or a file cannot be read.
        """
        asked = frozenset(files), tuple(units)
        if asked not in self._seen:
            # While clang is at work for these, others can be read without waiting.
            self._units.start(units)
            self._units.load(_NEARLY_ALWAYS)
            self._seen[asked] = skeletons(self._tree.root, [self._units.get(path) for path in units], files)
            # Whoever is copied next is at rest.
            self._units.finish()
        return self._seen[asked]

    def writes(self, functions: Collection[Location], units: Collection[str]) -> Mapping[tuple[str, str], str]:
        """What functions write, given where they stand: a digest for each, by unit and name.

        Raises:
            LiftError: a unit does not parse.
        """
        asked = frozenset(functions), tuple(units)
        if asked not in self._written:
            self._written[asked] = self._writes(*asked)
        return self._written[asked]

    def _writes(self, functions: frozenset[Location], units: tuple[str, ...]) -> Mapping[tuple[str, str], str]:
        files = {each.file for each in functions}
        found = {}
        for unit in map(self._units.get, units):
            for name in unit.functions_in(lambda file: file in files):
                if unit.place_of(name) in functions and (written := unit.written_in(name)) is not None:
                    found[unit.path, name] = written.digest
        return found

    def changed_by(self, edits: Sequence[SourceEdit]) -> frozenset[Location] | None:
        """Where the functions stand in whose bodies edits are; None if one is outside of all bodies.

        Raises:
            SourceError: a file is missing, or an edit does not fit.
        """
        places = edited_lines(self._tree.root, edits)
        found = self._parsed({file for file, _, _ in places})
        inside = [
            frozenset(
                Location(file, each.named) for each in found[file].bodies if each.first <= first and last <= each.last
            )
            for file, first, last in places
        ]
        return frozenset().union(*inside) if all(inside) else None

    def _parsed(self, files: Collection[str]) -> Mapping[str, Skeleton]:
        """Some files, as the units see them that have been parsed so far."""
        return skeletons(self._tree.root, self._units.parsed, files)

    def fails_assertion(self, units: Collection[str]) -> bool:
        """Whether a static assertion fails in one of some units, which are parsed if they are not yet.

        Raises:
            LiftError: a unit does not parse.
        """
        return any(self._units.get(path).failed_assertions for path in units)
