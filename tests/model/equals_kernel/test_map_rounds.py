"""What the reference model says of the loops that map a page is what Linux 7.2.13's C does in any round."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

# The model leaves out what these functions assert, and at which levels a frame can be rounded.
_LEFT_OUT = {CheckKind.WARN, CheckKind.BUG, CheckKind.SHIFT}


def test_the_tdp_mmu(both: Both) -> None:
    prove_equal(*(kvm.map_rounds.tdp() for kvm in both), partial=_LEFT_OUT)


def test_the_other_mmu(both: Both) -> None:
    mine, theirs = (kvm.map_rounds.direct() for kvm in both)
    prove_equal(mine, theirs, assuming=[ult(mine.maps.level - 1, 5)], partial=_LEFT_OUT)
