"""The reference model lets the registers into a vCPU that Linux 7.2.13's C lets in."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.guest_registers import LetIn, Register
from mmuproof.model.reference.guest_registers import OTHERS_PASS
from mmuproof.model.vendor import Vendor
from tests.model.equality import Both, can_hold, prove_equal

pytestmark = pytest.mark.kernel


def _same(mine: LetIn, theirs: LetIn) -> None:
    assert can_hold(theirs.accepted)
    # What is checked besides is left open; and the model follows no pointers.
    prove_equal(mine, theirs, stands_for={OTHERS_PASS: theirs.accepted}, partial={CheckKind.WARN, CheckKind.NULL})


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=lambda vendor: vendor.value)
@pytest.mark.parametrize("operation", ["enter_l2", "set_sregs"])
def test_all_at_once(both: Both, vendor: Vendor, operation: str) -> None:
    mine, theirs = (getattr(kvm.guest_registers, operation)(vendor) for kvm in both)
    _same(mine, theirs)


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=lambda vendor: vendor.value)
@pytest.mark.parametrize("register", Register, ids=lambda register: register.value)
def test_write(both: Both, vendor: Vendor, register: Register) -> None:
    mine, theirs = (kvm.guest_registers.write(vendor, register) for kvm in both)
    _same(mine, theirs)
