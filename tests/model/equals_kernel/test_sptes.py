"""The reference model's SPTEs are those that Linux 7.2.13's C makes."""

from __future__ import annotations

import pytest

from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.smt.terms import all_of, bool_var, negate, var
from tests.model.equality import Both, each_vendor, host, prove_equal

pytestmark = pytest.mark.kernel

_SPTE = var("spte", 64)
_MEMORY_TYPES_ARE_COMPUTED = negate(bool_var("kvm_x86_ops.get_mt_mask == NULL"))
"""vmx_hardware_setup() drops the callback only where EPT is off."""


@each_vendor
def test_predicates(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.sptes.predicates(kvm.masks.shadow_masks(vendor), _SPTE) for kvm in both)
    prove_equal(mine, theirs)


@each_vendor
def test_make_spte(both: Both, vendor: Vendor) -> None:
    inputs = made_spte(both.lifted, both.lifted.masks.shadow_masks(vendor))
    mine, theirs = (kvm.sptes.make_spte(kvm.masks.shadow_masks(vendor), inputs.request) for kvm in both)
    # There are reserved bits for levels that there are, and what is asserted is asserted of what callers ask for.
    asked = all_of(*(each.term for each in inputs.assumptions))
    prove_equal(
        mine,
        theirs,
        assuming=[_MEMORY_TYPES_ARE_COMPUTED] if vendor is Vendor.INTEL else [],
        where={"reserved": asked, "evidence": asked},
    )


@each_vendor
def test_access_track(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.sptes.access_track(kvm.masks.shadow_masks(vendor), _SPTE) for kvm in both)
    prove_equal(mine, theirs, where={"evidence": host(both.lifted.masks.shadow_masks(vendor))})


def test_note_mmio(both: Both) -> None:
    prove_equal(*(kvm.sptes.note_mmio() for kvm in both))


def test_ask_mmio(both: Both) -> None:
    prove_equal(*(kvm.sptes.ask_mmio(var("pfn", 64)) for kvm in both))
