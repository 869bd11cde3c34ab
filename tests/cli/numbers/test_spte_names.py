"""The bits of SPTEs by masks and constants alone, as two versions of a function have them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.numbers.decoded import Decoder
from mmuproof.cli.numbers.hardware import EntryPlace
from mmuproof.cli.numbers.kernel import KernelNumbers
from mmuproof.cli.numbers.spte_names import CONSTANTS, SAVED, SpteNames
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hardware_spte import saved_bits
from mmuproof.smt.terms import bool_var, bv, to_bv

EPT = SpteNames(
    vendor=Vendor.INTEL,
    masks={"shadow_xs_mask": bv(4, 64), "shadow_mmu_writable_mask": bv(1 << 55, 64)},
    constants={"SPTE_MMU_PRESENT_MASK": 1 << 11, "FROZEN_SPTE": 0x1A0, "SPTE_TDP_AD_MASK": 3 << 60}
    | {"SPTE_TDP_AD_DISABLED": 1 << 60},
)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (0x80000000000807, "R|W|XS|MMU-present|MMU-writable, pfn 0"),
        (0x1000000000000800, "MMU-present, pfn 0, SPTE_TDP_AD_DISABLED"),
        (0x100, "A, pfn 0, not MMU-present"),
        (0x5800 | 1 << 57, "MMU-present|ignored bit 57, pfn 0x5"),
        (0x1A0, "FROZEN_SPTE"),
    ],
)
def test_an_spte_says_which_bits_it_has(number: int, says: str) -> None:
    decoded = EPT.decode(NumberKind.SPTE, number, {})
    assert decoded is not None
    assert decoded.summary == says


def test_nothing_is_said_of_nothing_and_of_what_is_no_spte() -> None:
    assert EPT.decode(NumberKind.SPTE, 0, {}) is None
    assert EPT.decode(NumberKind.ERROR_CODE, 5, {}) is None


def test_a_mask_may_depend_on_the_host() -> None:
    host = to_bv(bool_var("has_it"), 64) << 57
    names = SpteNames(vendor=Vendor.INTEL, masks={"shadow_mmu_writable_mask": host}, constants=EPT.constants)
    assert names.bit_name(57, {"has_it": 1}) == "MMU-writable"
    assert names.bit_name(57, {"has_it": 0}) == ""
    assert names.bit_name(10, {}) == "XU"


@pytest.mark.parametrize("vendor", list(Vendor))
def test_a_kernels_own_masks_give_the_names_that_decode_gives(vendor: Vendor) -> None:
    kvm = ReferenceKvm()
    constants = {name: kvm.constant(name) for name in CONSTANTS if kvm.defines(name)}
    names = SpteNames.of_masks(kvm.masks.shadow_masks(vendor), constants)
    number = 0x80A0000000000F07 if vendor is Vendor.INTEL else 0x8000000000000E63
    decoded = names.decode(NumberKind.SPTE, number, {})
    assert decoded is not None
    assert decoded.summary == Decoder(kvm).decode(NumberKind.SPTE, number, vendor).summary


@pytest.mark.parametrize("vendor", list(Vendor))
def test_a_layout_by_masks_is_that_of_the_kernel(vendor: Vendor) -> None:
    kvm = ReferenceKvm()
    constants = {name: kvm.constant(name) for name in (*CONSTANTS, SAVED[1]) if kvm.defines(name)}
    constants[SAVED[0]] = saved_bits(kvm)
    masks = kvm.masks.shadow_masks(vendor)
    has_all = {"shadow_accessed_mask": bv(1 << (8 if vendor is Vendor.INTEL else 5), 64)}
    has_all["shadow_dirty_mask"] = has_all["shadow_accessed_mask"] << 1
    named = SpteNames.of_masks(masks, constants)
    layout = replace(named, masks={**named.masks, **has_all}).leaf_layout
    expected = KernelNumbers(kvm).leaf_layout(vendor, EntryPlace(1, 52))
    assert [(each.low, each.high, each.name) for each in layout.parts] == [
        (each.low, each.high, each.name) for each in expected.parts
    ]
