"""What the reference model says of what is mapped ahead is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["chosen", "mapped"])
def test_what_is_mapped_ahead(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.prefetches, what)() for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("gpte_format", GpteFormat)
def test_what_is_mapped_ahead_by_guest_entries(both: Both, gpte_format: GpteFormat) -> None:
    prove_equal(*(kvm.prefetches.chosen_of_guest(gpte_format) for kvm in both), partial=_PARTIAL)
