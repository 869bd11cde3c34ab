"""What the reference model says of how pages out of sync are noted is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["noted", "parents_told", "taken_back", "taken_back_above"])
def test_what_is_noted(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.unsync_notes, what)() for kvm in both), partial=_PARTIAL)
