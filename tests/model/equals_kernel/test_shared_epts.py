"""What the reference model says of a fault in L1's EPT and of other roots is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_a_fault(both: Both) -> None:
    prove_equal(*(kvm.shared_epts.at_fault() for kvm in both), partial=set(CheckKind))
