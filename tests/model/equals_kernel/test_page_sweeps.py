"""What the reference model says of sweeps through all pages is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.page_sweeps import PageSweep
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("sweep", PageSweep, ids=reads)
def test_swept(both: Both, sweep: PageSweep) -> None:
    prove_equal(*(kvm.page_sweeps.swept(sweep) for kvm in both), partial=_PARTIAL)


def test_rest(both: Both) -> None:
    prove_equal(*(kvm.page_sweeps.rest() for kvm in both), partial=_PARTIAL)
