"""What the reference model says of loops over a range is what Linux 7.2.13's C does in any round."""

from __future__ import annotations

import pytest

from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_zapping(both: Both) -> None:
    prove_equal(*(kvm.range_rounds.zap() for kvm in both))
