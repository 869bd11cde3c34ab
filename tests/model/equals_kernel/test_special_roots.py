"""What the reference model says of the tables above a guest's is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_made(both: Both) -> None:
    prove_equal(*(kvm.special_roots.made() for kvm in both), partial=set(CheckKind))
