"""The reference model routes page faults of L2's as Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.vendor import Vendor
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=reads)
def test_whom_a_fault_is_told(both: Both, vendor: Vendor) -> None:
    prove_equal(*(kvm.page_fault_routes.routed(vendor) for kvm in both), partial=_PARTIAL)


def test_which_faults_are_left_to_the_processor(both: Both) -> None:
    prove_equal(*(kvm.page_fault_routes.left() for kvm in both), partial=_PARTIAL)
