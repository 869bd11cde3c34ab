"""What the reference model says of slots that come and go is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("level", [2, 3])
def test_what_is_noted_of_a_new_slot(both: Both, level: int) -> None:
    prove_equal(*(kvm.slot_changes.arrays(level) for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("what", ["gone", "tables_gone", "zapped"])
def test_what_goes_with_a_slot(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.slot_changes, what)() for kvm in both), partial=_PARTIAL)
