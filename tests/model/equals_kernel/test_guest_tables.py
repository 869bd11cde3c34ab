"""What the reference model says of guest page tables that are shadowed is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.guest_tables import HUGEST, Shadowing
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_PARTIAL = {CheckKind.WARN, CheckKind.NULL}


@pytest.mark.parametrize("shadowing", Shadowing, ids=lambda shadowing: shadowing.value)
def test_accounted(both: Both, shadowing: Shadowing) -> None:
    prove_equal(*(kvm.guest_tables.accounted(shadowing) for kvm in both), partial=_PARTIAL)


def test_tracked(both: Both) -> None:
    prove_equal(*(kvm.guest_tables.tracked() for kvm in both), partial=_PARTIAL)


def test_huge_allowed(both: Both) -> None:
    prove_equal(*(kvm.guest_tables.huge_allowed() for kvm in both), partial=_PARTIAL)


def test_unsynced(both: Both) -> None:
    prove_equal(*(kvm.guest_tables.unsynced() for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("min_level", range(1, HUGEST + 1))
def test_protected(both: Both, min_level: int) -> None:
    prove_equal(*(kvm.guest_tables.protected(min_level) for kvm in both), partial=_PARTIAL)
