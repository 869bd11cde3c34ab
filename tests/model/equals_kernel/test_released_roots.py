"""What the reference model says becomes of roots that are given up is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_released(both: Both) -> None:
    prove_equal(*(kvm.released_roots.released() for kvm in both), partial=set(CheckKind))
