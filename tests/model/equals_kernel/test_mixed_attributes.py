"""What the reference model says of mixed attributes is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = {CheckKind.WARN, CheckKind.SHIFT}


def test_what_is_done_before(both: Both) -> None:
    mine, theirs = (kvm.mixed_attributes.readied() for kvm in both)
    prove_equal(mine, theirs, assuming=[ult(mine.levels.level, 5)], partial=_PARTIAL)


def test_a_range(both: Both) -> None:
    mine, theirs = (kvm.mixed_attributes.of_range() for kvm in both)
    prove_equal(mine, theirs, assuming=[ult(mine.levels.level, 5)], partial=_PARTIAL)


def test_a_slot(both: Both) -> None:
    mine, theirs = (kvm.mixed_attributes.of_slot() for kvm in both)
    prove_equal(mine, theirs, assuming=[ult(mine.levels.level, 5)], partial=_PARTIAL)


@pytest.mark.parametrize("level", [2, 3])
def test_a_comparison(both: Both, level: int) -> None:
    prove_equal(*(kvm.mixed_attributes.compared(level) for kvm in both), partial=_PARTIAL)


def test_a_note(both: Both) -> None:
    prove_equal(*(kvm.mixed_attributes.noted() for kvm in both), partial=set(CheckKind))
