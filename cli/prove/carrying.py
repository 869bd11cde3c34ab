"""Results that were lost since a tree calls things otherwise: proved under the names of an earlier kernel."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
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
_NAMED = 3


def is_new_refuted(results: Sequence[Result]) -> bool:
    """Whether there is a counterexample that is no known finding."""
    return any(each.verdict is Verdict.REFUTED and not each.known for each in results)


def doubts(results: Sequence[Result], gone: Sequence[str], carried: CarriedNames) -> tuple[str, ...]:
    """What is to be said of counterexamples in a tree that lacks names which are not found under others either.

    Args:
        results: what has come of the tree.
        gone: the names that the released kernel has and the tree lacks.
        carried: what was taken for what.
    """
    unfound = [name for name in gone if not any(re.search(rf"\b{name}\b", said) for said in carried.said)]
    if not unfound or not is_new_refuted(results):
        return ()
    named = ", ".join(unfound[:_NAMED]) + (f" and {len(unfound) - _NAMED} more" if len(unfound) > _NAMED else "")
    return (
        f"This tree has no {named}, which the released kernel has, and nothing was found that is called so now: if "
        f"something is, what is REFUTED may come of that, and --map {unfound[0]}=NEW tells.",
    )


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
            found[place] = replace(result, assumptions=(*result.assumptions, *names.assumed))
            better += [place] if result.verdict is not Verdict.LOST else []
    return tuple(found), CarriedNames(names.said if better else (), tuple(better))
