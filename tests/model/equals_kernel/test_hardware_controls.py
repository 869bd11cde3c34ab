"""The reference model sets EPTP and the bits for MBEC and GMET as Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import ule
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=lambda vendor: vendor.value)
def test_execute_control(both: Both, vendor: Vendor) -> None:
    # The functions assert something about controls that are none of these.
    prove_equal(*(kvm.hardware_controls.execute_control(vendor) for kvm in both), partial={CheckKind.WARN})


@pytest.mark.parametrize("nested", [False, True], ids=["direct", "nested"])
def test_load_ept(both: Both, nested: bool) -> None:
    prove_equal(*(kvm.hardware_controls.load_ept(nested=nested) for kvm in both))


def test_entry_flags(both: Both) -> None:
    prove_equal(*(kvm.hardware_controls.entry_flags() for kvm in both))


def test_load_cr3(both: Both) -> None:
    # Of VMX the model does not follow which registers KVM has read already.
    mine, theirs = (kvm.hardware_controls.load_cr3(Vendor.AMD) for kvm in both)
    prove_equal(mine, theirs, assuming=[ule(mine.level, 5)], partial={CheckKind.WARN})


def test_memory_types(both: Both) -> None:
    prove_equal(*(kvm.hardware_controls.page_memory_type() for kvm in both))
