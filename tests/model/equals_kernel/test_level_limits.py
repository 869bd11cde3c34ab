"""What the reference model says of what bounds the size of pages is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["of_host", "configured", "unpaged", "of_guest_memory"])
def test_what_bounds_the_size_of_pages(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.level_limits, what)() for kvm in both), partial=_PARTIAL)
