"""What the reference model says of giving page faults to guests is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import any_of, bit, ne, negate
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("nested", [True, False])
def test_a_fault_that_is_injected(both: Both, nested: bool) -> None:
    prove_equal(*(kvm.injected_faults.injected(nested) for kvm in both), partial=_PARTIAL)


def test_a_fault_that_is_queued(both: Both) -> None:
    prove_equal(*(kvm.injected_faults.queued() for kvm in both), partial=_PARTIAL)


def test_a_fault_that_the_processor_has_reported(both: Both) -> None:
    mine, theirs = (kvm.injected_faults.of_processor() for kvm in both)
    # Where the walk finds a fault, that is told.
    quiet = any_of(ne(mine.walked, mine.none), negate(bit(mine.error_code, 0)))
    prove_equal(mine, theirs, assuming=[quiet], partial=_PARTIAL)
