"""What the reference model says of splitting huge pages of the shadow MMU is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["entry", "listed", "page", "tried"])
def test_how_huge_pages_are_split(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.shadow_splits, what)() for kvm in both), partial=_PARTIAL)
