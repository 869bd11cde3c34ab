"""What the reference model says of the TDP MMU's iterator is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import eq, ult
from mmuproof.spec.table_numbers import first
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_STANDS = [(root_level, level) for root_level in (4, 5) for level in range(1, root_level + 1)]


@pytest.mark.parametrize(("root_level", "level"), _STANDS)
def test_a_step(both: Both, root_level: int, level: int) -> None:
    mine, theirs = (kvm.tdp_iterators.next(root_level, level) for kvm in both)
    at_entry = eq(mine.gfn, first(mine.gfn, level))
    prove_equal(mine, theirs, assuming=[ult(mine.min_level - 1, level), at_entry])


@pytest.mark.parametrize("root_level", [4, 5])
def test_a_start(both: Both, root_level: int) -> None:
    prove_equal(*(kvm.tdp_iterators.start(root_level) for kvm in both), partial={CheckKind.WARN})
    prove_equal(*(kvm.tdp_iterators.after_yield(root_level, 1) for kvm in both))
