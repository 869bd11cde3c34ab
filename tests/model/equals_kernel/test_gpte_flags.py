"""What the reference model says of flags in a guest's entries is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


_SMALL = [(2, 1), (2, 2)]
_WALKS = [
    (gpte_format, *levels)
    for gpte_format in GpteFormat
    for levels in (_SMALL if gpte_format is GpteFormat.PAGING32 else [(5, 1), (4, 3), *_SMALL])
]


@pytest.mark.parametrize(("gpte_format", "top", "last"), _WALKS, ids=reads)
def test_set_in(both: Both, gpte_format: GpteFormat, top: int, last: int) -> None:
    prove_equal(*(kvm.gpte_flags.set_in(gpte_format, top, last) for kvm in both), partial={CheckKind.WARN})
