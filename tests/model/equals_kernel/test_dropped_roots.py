"""What the reference model says of a root that is let go is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_a_root(both: Both) -> None:
    prove_equal(*(kvm.dropped_roots.dropped() for kvm in both), partial=set(CheckKind))
