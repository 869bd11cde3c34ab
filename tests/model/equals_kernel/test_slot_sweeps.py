"""What the reference model says of what is done to many SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.slot_sweeps import HUGEST, Aging, MaskSweep, SlotSweep
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_PARTIAL = {CheckKind.WARN, CheckKind.SHIFT}


@pytest.mark.parametrize("level", range(1, HUGEST + 1))
@pytest.mark.parametrize("sweep", SlotSweep, ids=reads)
def test_swept(both: Both, sweep: SlotSweep, level: int) -> None:
    prove_equal(*(kvm.slot_sweeps.swept(sweep, level) for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("sweep", MaskSweep, ids=reads)
def test_masked(both: Both, sweep: MaskSweep) -> None:
    prove_equal(*(kvm.slot_sweeps.masked(sweep) for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("aging", Aging, ids=reads)
def test_aged(both: Both, aging: Aging) -> None:
    prove_equal(*(kvm.slot_sweeps.aged(aging) for kvm in both), partial=_PARTIAL)
