"""What the reference model says of tables that are taken apart is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import bv, sle, ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_ASSERTED = {CheckKind.WARN, CheckKind.BUG}


def test_a_change_of_an_entry(both: Both) -> None:
    level = both.reference.removed_tables.changed().level
    prove_equal(*(kvm.removed_tables.changed() for kvm in both), partial=_ASSERTED, assuming=(ult(level - 1, 5),))


def test_an_entry_of_a_table_that_is_taken_apart(both: Both) -> None:
    mine = both.reference.removed_tables.removed()
    assuming = (ult(mine.level - 1, 5), sle(bv(0, 32), mine.number))
    prove_equal(*(kvm.removed_tables.removed() for kvm in both), partial=_ASSERTED, assuming=assuming)


def test_a_page_that_is_taken_off_its_list(both: Both) -> None:
    prove_equal(*(kvm.removed_tables.unlinked() for kvm in both), partial=_ASSERTED)
