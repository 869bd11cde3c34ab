"""What `diff` says of small refactors of a real kernel, each against the kernel as it is."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.claims import claim_of
from mmuproof.cli.diff.reading import Parsing, ReadTree, first_units
from mmuproof.cli.diff.tree_comparison import Found, Selected, compare_trees
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.tree.changed import change_files, changed_tree
from mmuproof.lift.tree.source import KernelTree
from tests.refactors.refactor import Refactor

TABLE = Path(__file__).with_name("small.json")
"""What was said of each refactor, by the kernel's series."""
Table = Mapping[str, Mapping[str, Mapping[str, object]]]


class Measuring:
    """Compares one tree with itself, with one refactor after the other in it.

    Args:
        root: the tree.
        folder: an empty folder.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder = root, folder
        self._old = ReadTree(KernelTree(root=root, description="old", version=""), folder / "old")
        self._overlay = folder / "tree"
        self._overlay.mkdir()
        changed_tree(root, {}, self._overlay)

    def found(self, how: Refactor) -> Found:
        """What becomes of every function that a refactor changes."""
        changes = how.changes(self._root)
        names = frozenset(changes)
        change_files(self._overlay, changes)
        try:
            with tempfile.TemporaryDirectory(dir=self._folder) as stand_ins:
                tree = KernelTree(root=self._overlay, description="new", version="", changed=names)
                new = ReadTree(tree, Path(stand_ins))
                with Parsing(every=True) as parsing:
                    parsing.begin(self._old, new, first_units((), self._old, new))
                    return compare_trees(self._old, new, lambda *_: names, Selected(jobs=2), Unwatched(), parsing)
        finally:
            change_files(self._overlay, {name: (self._root / name).read_bytes() for name in names})


@contextmanager
def measuring(root: Path) -> Iterator[Measuring]:
    """A tree to measure refactors of."""
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        yield Measuring(root, Path(folder))


def row(how: Refactor, judgements: Sequence[Judgement]) -> dict[str, object]:
    """A row of the table: the claim of no functional change, the functions touched, and how many there are of each."""
    touched = {each.function: "" for each in judgements if each.function.split()[0] in how.functions}
    for name in touched:
        changes = {each.change.value for each in judgements if each.function == name}
        touched[name] = ", ".join(sorted(changes))
    return {
        "claim": claim_of("No functional change intended.", judgements, ()).value,
        "touched": touched,
        "all": dict(sorted(Counter(each.change.value for each in judgements).items())),
    }


def written() -> Table:
    """The table as it was written last."""
    table: Table = json.loads(TABLE.read_text())
    return table
