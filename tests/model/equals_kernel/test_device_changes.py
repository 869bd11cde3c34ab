"""What the reference model does when devices come and go is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("comes", [True, False])
def test_counted(both: Both, comes: bool) -> None:
    prove_equal(*(kvm.device_changes.counted(comes) for kvm in both))
