"""Kernel trees compared one after the other, as the commits of a series make them."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from mmuproof.cli.diff.reading import Parsing, ReadTree, first_units
from mmuproof.cli.diff.tree_comparison import Found, Selected, compare_trees
from mmuproof.cli.shared.watching import Watcher
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import KernelTree
from mmuproof.model.lifted.units import Units


class StepwiseComparison:
    """Compares trees with those before them; one that was the new tree of the last step is not read again.

    Args:
        folder: a folder for what trees lack.
        given: the user's configuration; ours if there is none.
        wanted: what is compared, and how.
        watcher: is told how far it has come.
        saved: where parsed units are kept, if they are.
    """

    def __init__(
        self, folder: Path, given: DotConfig | None, wanted: Selected, watcher: Watcher, saved: SavedUnits | None = None
    ) -> None:
        self._folder, self._given, self._wanted, self._watcher, self._saved = folder, given, wanted, watcher, saved
        self._numbers = count()
        self._last: ReadTree | None = None

    def compare(
        self,
        before: KernelTree,
        after: KernelTree,
        changed: frozenset[str],
        shared: tuple[Units | None, Units | None] = (None, None),
    ) -> Found:
        """Compare every function of the MMU that has changed.

        Args:
            before: the old tree.
            after: the new tree.
            changed: the files, relative to them, in which they differ.
            shared: the units of both trees, where others need them as well.

        Raises:
            LiftError: a tree turns out to be unusable.
        """
        self._watcher.phase("reading")
        old = self._last if self._last is not None and self._last.tree == before else self._read(before, shared[0])
        new, self._last = self._read(after, shared[1]), None
        with Parsing(every=True) as parsing:
            parsing.begin(old, new, first_units((), old, new))
            found = compare_trees(old, new, lambda *_folders: changed, self._wanted, self._watcher, parsing)
        # Only now: of a tree that could not be read nothing is taken for the next step.
        self._last = new
        return found

    def _read(self, tree: KernelTree, shared: Units | None) -> ReadTree:
        return ReadTree(tree, self._folder / str(next(self._numbers)), self._given, self._saved, shared)
