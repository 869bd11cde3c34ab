"""Results that were lost since a tree calls things otherwise: proved under the names of an earlier kernel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from mmuproof.cli.prove.running import Proved
from mmuproof.cli.shared.results import CarriedNames, Result
from mmuproof.cli.shared.selection import Task
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.model.kvm import Kvm
from mmuproof.smt.obligation import Verdict

NOT_FOUND = frozenset({Verdict.LOST, Verdict.ERROR})
"""What comes of something that is not found."""
NOT_RIGHT = NOT_FOUND | {Verdict.REFUTED}
"""What may come of something that was renamed."""


def doubtful(results: Sequence[Result], may_be_renamed: Callable[[], bool]) -> Collection[Verdict]:
    """The verdicts that a name may be the reason of.

    A counterexample of a tree that has all names is told at once: no other names are waited for.

    Args:
        results: what has come of a tree under its own names.
        may_be_renamed: whether the tree lacks a name that is asked for; only asked where a counterexample is new.
    """
    is_refuted = any(each.verdict is Verdict.REFUTED and not each.known for each in results)
    return NOT_RIGHT if is_refuted and may_be_renamed() else NOT_FOUND


class _Proving(Protocol):
    def __call__(self, tasks: Sequence[Task], kvm: Kvm) -> tuple[Proved, ...]: ...


def carry_over(
    tasks: Sequence[Task],
    results: Sequence[Result],
    under_former_names: Callable[[], tuple[Kvm, FormerNames]],
    proving: _Proving,
    verdicts: Collection[Verdict] = NOT_RIGHT,
) -> tuple[tuple[Result, ...], CarriedNames]:
    """The results, those that are lost or wrong under a tree's own names proved under an earlier kernel's.

    What stands under the tree's own names stays as it is: nothing is taken for something else without need.

    Args:
        tasks: what was to be proved.
        results: what has come of it, in the same order.
        under_former_names: reads the tree under the earlier names.
        proving: proves some tasks of a tree.
        verdicts: what is not left as it is.
    """
    places = [place for place, each in enumerate(results) if each.verdict in verdicts and not each.known]
    if not places:
        return tuple(results), CarriedNames()
    kvm, names = under_former_names()
    if not names:
        return tuple(results), CarriedNames()
    found, again, better = list(results), proving([tasks[place] for place in places], kvm), []
    for place, result in zip(places, (each.result for each in again), strict=True):
        # What is lost under these names as well is told of what is still not found.
        if result.verdict is not Verdict.ERROR:
            found[place] = result
            better += [place] if result.verdict is not Verdict.LOST else []
    return tuple(found), CarriedNames(names.said if better else (), tuple(better))
