"""The reference model gives the processor the registers that Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.guest_registers import Register
from mmuproof.model.vendor import Vendor
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("register", Register, ids=reads)
@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=reads)
def test_what_a_vcpu_runs_with(both: Both, vendor: Vendor, register: Register) -> None:
    prove_equal(*(kvm.hardware_registers.run(vendor, register) for kvm in both), partial=set(CheckKind))
