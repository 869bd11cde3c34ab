"""What the reference model says of bringing an address up to date is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_a_step(both: Both) -> None:
    prove_equal(*(kvm.address_syncs.step() for kvm in both), partial=set(CheckKind))
