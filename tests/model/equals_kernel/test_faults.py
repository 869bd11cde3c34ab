"""What the reference model tells handlers of page faults is what Linux 7.2.13's C tells them."""

from __future__ import annotations

import pytest

from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("tdp", [True, False])
def test_handed_on(both: Both, tdp: bool) -> None:
    prove_equal(*(kvm.faults.handed_on(tdp=tdp) for kvm in both))
