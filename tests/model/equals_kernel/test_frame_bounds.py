"""What the reference model says of where walks end is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_walks(both: Both) -> None:
    prove_equal(*(kvm.frame_bounds.of_walks() for kvm in both), partial=set(CheckKind))
