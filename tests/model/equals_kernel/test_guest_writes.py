"""What the reference model says of a guest's writes to its tables is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_tracked(both: Both) -> None:
    prove_equal(*(kvm.guest_writes.tracked() for kvm in both))


def test_page_check(both: Both) -> None:
    prove_equal(*(kvm.guest_writes.page_check() for kvm in both), partial={CheckKind.WARN})
