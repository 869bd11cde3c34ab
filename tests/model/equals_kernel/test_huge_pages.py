"""What the reference model says of huge pages is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import any_of, negate, ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("max_level", [1, 2, 3])
def test_the_level_chosen(both: Both, max_level: int) -> None:
    mine, theirs = (kvm.huge_pages.chosen(max_level) for kvm in both)
    level = any_of(negate(mine.backing_asked), ult(mine.backing_level - 1, 3))
    prove_equal(mine, theirs, assuming=[level], partial={CheckKind.WARN, CheckKind.BUG, CheckKind.SHIFT})


@pytest.mark.parametrize("up", [True, False])
def test_the_count(both: Both, up: bool) -> None:
    prove_equal(*(kvm.huge_pages.counted(up) for kvm in both), partial={CheckKind.WARN})


def test_the_level_lowered(both: Both) -> None:
    mine, theirs = (kvm.huge_pages.lowered() for kvm in both)
    prove_equal(mine, theirs, assuming=[ult(mine.level - 1, 5)])


@pytest.mark.parametrize("level", [2, 3])
def test_the_index(both: Both, level: int) -> None:
    prove_equal(*(kvm.huge_pages.reverse_map(level) for kvm in both))
    prove_equal(*(kvm.huge_pages.slot_info(level) for kvm in both))
