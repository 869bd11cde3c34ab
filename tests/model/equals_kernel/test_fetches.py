"""What the reference model says of filling in SPTEs for a guest's tables is what Linux 7.2.13's C does in any round."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import eq, ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

# The model leaves out what is asserted, and at which levels there is a table and a frame can be rounded.
_LEFT_OUT = {CheckKind.WARN, CheckKind.BUG, CheckKind.SHIFT, CheckKind.INDEX}


@pytest.mark.parametrize("gpte_format", GpteFormat)
def test_fetching(both: Both, gpte_format: GpteFormat) -> None:
    mine, theirs = (kvm.fetches.fetch(gpte_format) for kvm in both)
    standing = [ult(mine.guest.level - 2, len(mine.tables) - 1), ult(mine.direct.level - 1, 5)]
    prove_equal(mine, theirs, assuming=standing, partial=_LEFT_OUT)


@pytest.mark.parametrize("gpte_format", GpteFormat)
def test_looking_for_changes(both: Both, gpte_format: GpteFormat) -> None:
    count, theirs = (kvm.fetches.levels(gpte_format) for kvm in both)
    assert count == theirs
    for level in range(1, count + 1):
        looks = [kvm.fetches.changed(gpte_format, level) for kvm in both]
        aligned = eq(looks[0].pte_gpa & (looks[0].entry_bytes - 1), 0)
        prove_equal(*looks, assuming=[aligned], partial=_LEFT_OUT)


def test_finding_a_child(both: Both) -> None:
    prove_equal(*(kvm.fetches.child() for kvm in both), partial={CheckKind.NULL})
