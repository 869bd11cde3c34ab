"""What the reference model says of asking for a fault's frame is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = {CheckKind.WARN, CheckKind.NULL, CheckKind.UNSET}


def test_whom_is_asked(both: Both) -> None:
    prove_equal(*(kvm.frame_searches.asked() for kvm in both), partial=_PARTIAL)


def test_memory_of_the_guest(both: Both) -> None:
    prove_equal(*(kvm.frame_searches.of_guest_memory() for kvm in both), partial=_PARTIAL)
