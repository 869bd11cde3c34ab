"""What `diff` says of small refactors of a real kernel, each against the kernel as it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.reading import Parsing, ReadTree, first_units
from mmuproof.cli.diff.tree_comparison import Found, Selected, compare_trees
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.tree.changed import change_files, changed_tree
from mmuproof.lift.tree.source import KernelTree
from tests.refactors.refactor import Edit, Refactor

TABLE = Path(__file__).with_name("small.json")
"""What was said of each refactor, by the kernel's series."""
Table = Mapping[str, Mapping[str, str]]
_MOST = 12


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

    def found(self, how: Refactor, functions: tuple[str, ...] = ()) -> Found:
        """What becomes of some functions, or of every one that a refactor changes."""
        changes = how.changes(self._root)
        names = frozenset(changes)
        change_files(self._overlay, changes)
        try:
            with tempfile.TemporaryDirectory(dir=self._folder) as stand_ins:
                tree = KernelTree(root=self._overlay, description="new", version="", changed=names)
                new = ReadTree(tree, Path(stand_ins))
                wanted = Selected(functions=functions, jobs=2)
                with Parsing(every=not functions) as parsing:
                    parsing.begin(self._old, new, first_units(functions, self._old, new))
                    return compare_trees(self._old, new, lambda *_: names, wanted, Unwatched(), parsing)
        finally:
            change_files(self._overlay, {name: (self._root / name).read_bytes() for name in names})


@contextmanager
def measuring(root: Path) -> Iterator[Measuring]:
    """A tree to measure refactors of."""
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        yield Measuring(root, Path(folder))


def together(refactors: Mapping[str, Refactor], series: str) -> Mapping[str, tuple[str, ...]]:
    """Refactors by group: those of one touch different functions, so that they can be made at once."""
    groups: list[tuple[set[str], list[str]]] = []
    for name, how in refactors.items():
        if series in how.trees:
            places = {each.inside or name for each in how.edits if isinstance(each, Edit)} | set(how.functions)
            group = next((each for each in groups if each[0].isdisjoint(places) and len(each[1]) < _MOST), None)
            if group is None:
                groups.append(group := (set(), []))
            group[0].update(places)
            group[1].append(name)
    return {f"{number} of {len(groups)}": tuple(names) for number, (_, names) in enumerate(groups, 1)}


def joined(refactors: Sequence[Refactor]) -> Refactor:
    """Refactors one after the other."""
    return Refactor(
        edits=tuple(edit for each in refactors for edit in each.edits),
        functions=tuple(name for each in refactors for name in each.functions),
    )


def verdicts(how: Refactor, judgements: Sequence[Judgement]) -> str:
    """What becomes of the functions that a refactor touches itself, for whatever masks."""
    found: dict[str, dict[str, None]] = {}
    for each in judgements:
        name = each.function.split()[0]
        if name in how.functions:
            found.setdefault(name, {})[each.change.value] = None
    told = {name: ", ".join(sorted(found.get(name, {"unchanged": None}))) for name in sorted(set(how.functions))}
    return "; ".join(f"{name}: {verdict}" for name, verdict in told.items())


def written() -> Table:
    """The table as it was written last."""
    table: Table = json.loads(TABLE.read_text())
    return table
