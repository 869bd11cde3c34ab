"""What the reference model says of taking a range of frames away is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.range_zaps import RangeZap
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("who", RangeZap, ids=lambda who: who.value)
def test_zapped(both: Both, who: RangeZap) -> None:
    prove_equal(*(kvm.range_zaps.zapped(who) for kvm in both), partial={CheckKind.WARN})
