"""The reference model sets EPTP and the bits for MBEC and GMET as Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import TRUE, all_of, negate, ule
from tests.model.equality import Both, prove_equal, reads

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


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=reads)
def test_load_cr3(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.hardware_controls.load_cr3(vendor) for kvm in both)
    # Without EPT the model has no bits of LAM, and a guest without paging none that are noted.
    followed = TRUE if vendor is Vendor.AMD else all_of(mine.with_tdp, negate(mine.unpaged))
    prove_equal(mine, theirs, assuming=[ule(mine.level, 5), followed], partial={CheckKind.WARN})


def test_memory_types(both: Both) -> None:
    prove_equal(*(kvm.hardware_controls.page_memory_type() for kvm in both))
