"""What the reference model does about faults on MMIO SPTEs is what Linux 7.2.13's C does about them."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import var
from tests.model.equality import Both, each_vendor, host, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("nested", [False, True])
@each_vendor
def test_handled(both: Both, vendor: Vendor, nested: bool) -> None:
    spte, generation = var("spte", 64), var("generation", 64)
    handled = (kvm.mmio_faults.handled(kvm.masks.shadow_masks(vendor), spte, generation, nested=nested) for kvm in both)
    prove_equal(*handled, assuming=[host(both.lifted.masks.shadow_masks(vendor))])


@pytest.mark.parametrize("nested", [False, True])
def test_remembered(both: Both, nested: bool) -> None:
    prove_equal(*(kvm.mmio_faults.remembered(nested=nested) for kvm in both))


def test_answered(both: Both) -> None:
    # KVM_BUG_ON warns only of the first bug of a VM, which the model does not follow.
    prove_equal(*(kvm.mmio_faults.answered() for kvm in both), partial={CheckKind.WARN})
