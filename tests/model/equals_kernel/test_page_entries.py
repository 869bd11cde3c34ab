"""What the reference model does to each entry of a page of the shadow MMU is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.page_entries import Sweep
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_ASSERTED = {CheckKind.WARN, CheckKind.BUG}


def test_an_entry_that_is_taken_out(both: Both) -> None:
    level = both.reference.page_entries.taken().level
    prove_equal(*(kvm.page_entries.taken() for kvm in both), partial=_ASSERTED, assuming=(ult(level - 1, 5),))


@pytest.mark.parametrize("sweep", Sweep)
def test_any_entry_of_a_page(both: Both, sweep: Sweep) -> None:
    mine, theirs = (kvm.page_entries.reached(sweep) for kvm in both)
    prove_equal(mine, theirs, partial=_ASSERTED, assuming=(ult(mine.number, 513),))


def test_an_entry_that_is_synchronized(both: Both) -> None:
    prove_equal(*(kvm.page_entries.synced() for kvm in both), partial=_ASSERTED)


def test_a_page_that_is_synchronized(both: Both) -> None:
    prove_equal(*(kvm.page_entries.page_synced() for kvm in both), partial=_ASSERTED)


def test_pages_are_synchronized_by_entry(both: Both) -> None:
    assert [kvm.page_entries.by_entry for kvm in both] == [True, True]
