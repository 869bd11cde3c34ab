"""The reference model's reserved bits are those of Linux 7.2.13's C, entry for entry.

A table has elements that no walk reads in some paging mode: there KVM keeps what an earlier set-up has left, and
the reference model says nothing.
"""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reserved_bits import CheckedMmu, MmuKind, ShadowCheck
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import Bool, all_of, any_of, bit, boolean, negate, var
from tests.model.equality import Both, prove_equal
from tests.model.equals_kernel.requests import request

pytestmark = pytest.mark.kernel

_GPTE, _SPTE = var("gpte", 64), var("spte", 64)
_PG, _PAE, _LA57, _LMA = 31, 5, 12, 10
_NOW = request("now")
_ROOTS = [
    (MmuKind.TDP, Vendor.INTEL, 4),
    (MmuKind.TDP, Vendor.INTEL, 5),
    (MmuKind.TDP, Vendor.AMD, 4),
    (MmuKind.TDP, Vendor.AMD, 5),
    (MmuKind.NESTED_EPT, Vendor.INTEL, 4),
    (MmuKind.NESTED_EPT, Vendor.INTEL, 5),
    (MmuKind.NESTED_NPT, Vendor.AMD, 4),
    (MmuKind.NESTED_NPT, Vendor.AMD, 5),
    (MmuKind.SHADOW, Vendor.SHADOW, 3),
    (MmuKind.SHADOW, Vendor.SHADOW, 4),
    (MmuKind.SHADOW, Vendor.SHADOW, 5),
]
# The root of PAE paging has entries of another kind, which no table is asked for.
_SPTES = [(*root, level) for root in _ROOTS for level in range(1, root[2] + 1) if (root[2], level) != (3, 3)]
each_kind = pytest.mark.parametrize("kind", MmuKind, ids=lambda kind: kind.name)
each_level = pytest.mark.parametrize("level", range(1, 6))


def set_up(kvm: Kvm, kind: MmuKind) -> CheckedMmu:
    return kvm.reserved_bits.set_up(kind, request("earlier"), _NOW)


def shadow_check(both: Both, kvm: Kvm, kind: MmuKind, vendor: Vendor, root_level: int) -> ShadowCheck:
    """With one set of masks for both: that these are the same is shown elsewhere."""
    return kvm.reserved_bits.shadow_check(set_up(kvm, kind), both.reference.masks.shadow_masks(vendor), root_level)


def read_by_a_walk(kind: MmuKind, level: int) -> Bool:
    """When a walk of these tables reads an entry of this level through the table."""
    if kind is MmuKind.NESTED_EPT:
        return all_of()
    lma, la57, pae = bit(_NOW.efer, _LMA), bit(_NOW.cr4, _LA57), bit(_NOW.cr4, _PAE)
    # PAE paging's PDPTEs are not looked up, but for the row without bit 7 the table has them.
    pointers = any_of(lma, all_of(pae, negate(bit(_GPTE, 7))))
    by_level = {5: all_of(lma, la57), 4: lma, 3: pointers}
    return all_of(bit(_NOW.cr0, _PG), by_level.get(level, all_of()))


@each_kind
def test_set_up(both: Both, kind: MmuKind) -> None:
    mine, theirs = (set_up(kvm, kind) for kvm in both)
    level = "kvm_mmu_get_tdp_level()"
    prove_equal(
        mine,
        theirs,
        # Asked for once more by the second set-up.
        stands_for={var(level, 32): var(f"{level}#2", 32)},
        # No root of KVM's belongs to L2's own tables.
        where={"root_level": boolean(kind is not MmuKind.L2)},
        # What the code asserts of the set-up is part of the roles.
        partial={CheckKind.WARN},
    )


@each_level
@each_kind
def test_is_rsvd_bits_set(both: Both, kind: MmuKind, level: int) -> None:
    mine, theirs = (kvm.reserved_bits.is_rsvd_bits_set(set_up(kvm, kind), _GPTE, level) for kvm in both)
    prove_equal(mine, theirs, assuming=[read_by_a_walk(kind, level)])


@pytest.mark.parametrize("gpte_format", GpteFormat, ids=lambda each: each.value)
@each_level
@each_kind
def test_is_rejected(both: Both, kind: MmuKind, level: int, gpte_format: GpteFormat) -> None:
    mine, theirs = (kvm.reserved_bits.is_rejected(set_up(kvm, kind), gpte_format, _GPTE, level) for kvm in both)
    prove_equal(mine, theirs, assuming=[read_by_a_walk(kind, level)])


def test_pdptr_rsvd_bits(both: Both) -> None:
    prove_equal(*(kvm.reserved_bits.pdptr_rsvd_bits(set_up(kvm, MmuKind.SHADOW).guest_cpu) for kvm in both))


@pytest.mark.parametrize(("kind", "vendor", "root_level"), _ROOTS)
def test_shadow_check(both: Both, kind: MmuKind, vendor: Vendor, root_level: int) -> None:
    checks = (shadow_check(both, kvm, kind, vendor, root_level) for kvm in both)
    prove_equal(*checks, partial={CheckKind.WARN})


@pytest.mark.parametrize(("kind", "vendor", "root_level", "level"), _SPTES)
def test_is_rsvd_spte(both: Both, kind: MmuKind, vendor: Vendor, root_level: int, level: int) -> None:
    prove_equal(
        *(
            kvm.reserved_bits.is_rsvd_spte(shadow_check(both, kvm, kind, vendor, root_level), _SPTE, level)
            for kvm in both
        )
    )


def test_an_mmu_without_sptes_has_no_check_for_them(both: Both) -> None:
    for kvm in both:
        with pytest.raises(NotThere):
            shadow_check(both, kvm, MmuKind.L2, Vendor.SHADOW, 4)
