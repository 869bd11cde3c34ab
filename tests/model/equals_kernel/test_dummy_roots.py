"""What the reference model says of the dummy root is what Linux 7.2.13's C says."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_told(both: Both) -> None:
    prove_equal(*(kvm.dummy_roots.told() for kvm in both), partial=set(CheckKind))
