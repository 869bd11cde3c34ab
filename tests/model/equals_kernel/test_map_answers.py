"""What the reference model says of answers to faults is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.map_answers import Mapper
from mmuproof.model.reference.base.constants import Constants
from mmuproof.smt.terms import Bool, all_of, any_of, bit, eq, ne, negate, var
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


def _kept(both: Both) -> Bool:
    """That nothing else is dropped first: the entry is empty, or maps the page."""
    entry, numbers = both.reference.map_answers.answered(Mapper.SHADOW).before, Constants()
    pfn = (entry & numbers.SPTE_BASE_ADDR_MASK) >> numbers.PAGE_SHIFT
    last = any_of(eq(var("sp->role", 32) & 15, 1), bit(entry, 7))
    present = ne(entry & numbers.SPTE_MMU_PRESENT_MASK, 0)
    return any_of(negate(present), all_of(last, eq(var("pfn", 64), pfn)))


@pytest.mark.parametrize("mapper", Mapper, ids=reads)
def test_answered(both: Both, mapper: Mapper) -> None:
    assuming = (_kept(both),) if mapper is Mapper.SHADOW else ()
    answers = (kvm.map_answers.answered(mapper) for kvm in both)
    prove_equal(*answers, assuming=assuming, partial={CheckKind.WARN, CheckKind.NULL})
