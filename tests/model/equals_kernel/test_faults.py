"""What the reference model tells handlers of page faults is what Linux 7.2.13's C tells them."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("tdp", [True, False])
def test_handed_on(both: Both, tdp: bool) -> None:
    prove_equal(*(kvm.faults.handed_on(tdp=tdp) for kvm in both))


@pytest.mark.parametrize("gpte_format", GpteFormat)
def test_after_a_walk(both: Both, gpte_format: GpteFormat) -> None:
    prove_equal(*(kvm.faults.walked(gpte_format) for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})


def test_mapping_ahead(both: Both) -> None:
    prove_equal(*(kvm.faults.pre_faulted() for kvm in both), partial={CheckKind.SHIFT})
