"""What the reference model does when the host takes memory away is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("what", ["begins", "ends"])
def test_gone(both: Both, what: str) -> None:
    model, kernel = (getattr(kvm.host_ranges, what)() for kvm in both)
    prove_equal(model, kernel, assuming=[ult(model.start, model.end)], partial=set(CheckKind))
