"""What the reference model says of lists of SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.spte_lists import EMPTY, LONG, LONGER, ONE, SHORT, ListShape
from mmuproof.proofs.given.listed_sptes import list_well_kept, stands_on
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("shape", [EMPTY, ONE, SHORT, LONG, LONGER], ids=lambda shape: shape.words)
@pytest.mark.parametrize("what", ["added", "counted", "begun"])
def test_lists_of_any_length(both: Both, what: str, shape: ListShape) -> None:
    mine, theirs = (getattr(kvm.spte_lists, what)(shape) for kvm in both)
    prove_equal(mine, theirs, assuming=(list_well_kept(mine.before).term,), partial=_PARTIAL)


@pytest.mark.parametrize("shape", [ONE, SHORT, LONG], ids=lambda shape: shape.words)
def test_the_next_spte(both: Both, shape: ListShape) -> None:
    mine, theirs = (kvm.spte_lists.stepped(shape) for kvm in both)
    inside = [ult(mine.place, each.count) for each in mine.before.descriptors[:1]]
    prove_equal(mine, theirs, assuming=(list_well_kept(mine.before).term, *inside), partial=_PARTIAL)


@pytest.mark.parametrize(
    "shape",
    [ONE, *(ListShape(number, first) for number in (1, 2) for first in (1, 2, 14))],
    ids=lambda shape: shape.words,
)
def test_an_spte_taken_off(both: Both, shape: ListShape) -> None:
    mine, theirs = (kvm.spte_lists.removed(shape) for kvm in both)
    there = stands_on(mine.before, mine.spte)
    prove_equal(mine, theirs, assuming=(list_well_kept(mine.before).term, there), partial=_PARTIAL)


@pytest.mark.parametrize("shape", [EMPTY, ONE, SHORT], ids=lambda shape: shape.words)
@pytest.mark.parametrize("what", ["walked", "emptied"])
def test_all_sptes_of_a_list(both: Both, what: str, shape: ListShape) -> None:
    mine, theirs = (getattr(kvm.spte_lists, what)(shape) for kvm in both)
    prove_equal(mine.change, theirs.change, assuming=(list_well_kept(mine.change.before).term,), partial=_PARTIAL)
    for one, other in zip(mine.visited, theirs.visited, strict=False):
        prove_equal(one, other, assuming=(list_well_kept(mine.change.before).term,), where={"spte": one.happens})


@pytest.mark.parametrize("shape", [EMPTY, ONE, SHORT], ids=lambda shape: shape.words)
def test_an_entry_that_leads_to_a_page(both: Both, shape: ListShape) -> None:
    mine, theirs = (kvm.spte_lists.parent_added(shape) for kvm in both)
    # Nobody is told how many there were.
    prove_equal(mine, theirs, assuming=(list_well_kept(mine.before).term,), partial=_PARTIAL)


@pytest.mark.parametrize("shape", [ONE, ListShape(1, 2)], ids=lambda shape: shape.words)
@pytest.mark.parametrize("what", ["zapped", "parent_dropped"])
def test_entries_that_are_emptied(both: Both, what: str, shape: ListShape) -> None:
    mine, theirs = (getattr(kvm.spte_lists, what)(shape).change for kvm in both)
    there = stands_on(mine.before, mine.spte)
    prove_equal(mine, theirs, assuming=(list_well_kept(mine.before).term, there), partial=_PARTIAL)
