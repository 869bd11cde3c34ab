"""Which trees are compared, and which are read anew, where one step follows another or does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.cli.diff import stepwise
from mmuproof.cli.diff.reading import ReadTree
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.diff.tree_comparison import Selected
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.errors import ParseFailed
from mmuproof.lift.tree.source import KernelTree


def tree(root: Path, commit: str) -> KernelTree:
    return KernelTree(root=root, description=commit, version="7.2", origin=f"commit {commit}")


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ReadTree, ReadTree]]:
    """The trees that are compared, as they were read."""
    found: list[tuple[ReadTree, ReadTree]] = []
    monkeypatch.setattr(stepwise, "first_units", lambda *_: ())
    monkeypatch.setattr(stepwise, "compare_trees", lambda old, new, *_: found.append((old, new)))
    return found


@pytest.mark.parametrize(
    ("steps", "read_again"),
    [([("a", "b"), ("b", "c")], False), ([("a", "b"), ("c", "d")], True), ([("a", "b"), ("a", "b")], True)],
    ids=["one after the other", "with one between them", "the same again"],
)
def test_a_tree_is_taken_over_only_if_it_is_the_one_before(
    steps: list[tuple[str, str]], read_again: bool, compared: list[tuple[ReadTree, ReadTree]], tmp_path: Path
) -> None:
    # All are at one place, as trees of a series are in turn.
    trees = {name: tree(tmp_path, name) for name in "abcd"}
    comparison = StepwiseComparison(tmp_path, None, Selected(), Unwatched())
    for before, after in steps:
        comparison.compare(trees[before], trees[after], frozenset())
    assert [(old.tree, new.tree) for old, new in compared] == [(trees[one], trees[other]) for one, other in steps]
    assert (compared[1][0] is compared[0][1]) is not read_again


def test_of_a_tree_that_could_not_be_read_nothing_is_taken_over(
    compared: list[tuple[ReadTree, ReadTree]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (tree(tmp_path, name) for name in "abc")
    comparison = StepwiseComparison(tmp_path, None, Selected(), Unwatched())
    failing: list[ReadTree] = []

    def fail(_old: ReadTree, new: ReadTree, *_: object) -> None:
        failing.append(new)
        raise ParseFailed("spte.c", ["spte.c:7: no"])

    with monkeypatch.context() as patched:
        patched.setattr(stepwise, "compare_trees", fail)
        with pytest.raises(ParseFailed):
            comparison.compare(first, second, frozenset())
    comparison.compare(second, third, frozenset())
    assert compared[0][0] is not failing[0]
