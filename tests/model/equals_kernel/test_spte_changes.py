"""What the reference model says of changing SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import NotThere
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.spte_changes import Changed, FastFault, SplitRequest, SpteAt, SpteChange, SpteChanges
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import TRUE, Bool, all_of, bool_var, eq, var
from mmuproof.spec.paging_mode import ControlRegisters
from tests.model.equality import Both, demanded, each_vendor, host, prove_equal
from tests.model.equals_kernel.requests import request

pytestmark = pytest.mark.kernel

_AT = SpteAt(var("spte", 64), var("level", 4))
_FAULT = FastFault(bool_var("present"), bool_var("write"), bool_var("exec"), bool_var("rsvd"))
_SPLIT = SplitRequest(var("spte", 64), var("level", 4), var("access", 4), var("index", 32))
_TABLE = var("page table", 64), bool_var("ad_disabled")
_OPERATIONS: dict[str, Callable[[SpteChanges, ShadowMasks], object]] = {
    "facts": lambda area, masks: area.facts(masks, _AT),
    "is_executable_pte": lambda area, masks: area.is_executable_pte(masks, _AT.spte),
    "is_access_allowed": lambda area, masks: area.is_access_allowed(masks, _FAULT, _AT.spte),
    "is_nx_huge_page_enabled": lambda area, masks: area.is_nx_huge_page_enabled(masks),
    "page_needs_write_protection": lambda area, masks: area.page_needs_write_protection(masks),
    "page_is_mirror": lambda area, masks: area.page_is_mirror(masks),
    "page_is_invalid": lambda area, masks: area.page_is_invalid(masks),
    "make_nonleaf_spte": lambda area, masks: area.make_nonleaf_spte(masks, *_TABLE),
    "fast_page_fault": lambda area, masks: area.fast_page_fault(masks, _FAULT, _AT),
}
_ASSERTED = {CheckKind.WARN, CheckKind.BUG}
"""The model leaves out most of what these functions assert."""

_VM_WITHOUT_BUG = eq(var("kvm->vm_bugged", 1), 0)


@pytest.mark.parametrize("name", _OPERATIONS)
@each_vendor
def test_the_operation(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (_OPERATIONS[name](kvm.spte_changes, kvm.masks.shadow_masks(vendor)) for kvm in both)
    on_host = host(both.lifted.masks.shadow_masks(vendor))
    prove_equal(mine, theirs, where={"evidence": on_host}, partial=_ASSERTED)


def prove_made(both: Both, vendor: Vendor, mine: Changed, theirs: Changed, changes_execution: Bool = TRUE) -> None:
    masks = both.lifted.masks.shadow_masks(vendor)
    where = {
        "spte": demanded(theirs.evidence),
        "evidence": host(masks),
        # The model asserts what change_spte_executable() does, whether that is called or not, and of every VM.
        "evidence.WARN": all_of(
            changes_execution, both.lifted.spte_changes.is_nx_huge_page_enabled(masks), _VM_WITHOUT_BUG
        ),
    }
    prove_equal(mine, theirs, where=where, partial=_ASSERTED)


@each_vendor
def test_make_small_spte(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.spte_changes.make_small_spte(kvm.masks.shadow_masks(vendor), _SPLIT) for kvm in both)
    prove_made(both, vendor, mine, theirs, eq(_SPLIT.level, 1))


@each_vendor
def test_make_huge_spte(both: Both, vendor: Vendor) -> None:
    mine, theirs = (
        kvm.spte_changes.make_huge_spte(kvm.masks.shadow_masks(vendor), _AT.spte, _AT.level) for kvm in both
    )
    prove_made(both, vendor, mine, theirs)


@pytest.mark.parametrize("change", SpteChange, ids=lambda change: change.name)
@each_vendor
def test_change(both: Both, vendor: Vendor, change: SpteChange) -> None:
    mine, theirs = (kvm.spte_changes.change(kvm.masks.shadow_masks(vendor), change, _AT) for kvm in both)
    # The one page frame that is zapped is below the highest only where addresses have more than 12 bits.
    on_host = host(both.lifted.masks.shadow_masks(vendor))
    prove_equal(mine, theirs, assuming=[on_host, demanded(theirs.evidence)], partial=_ASSERTED)


@pytest.mark.parametrize(
    ("kind", "vendor"),
    [
        (MmuKind.TDP, Vendor.INTEL),
        (MmuKind.TDP, Vendor.AMD),
        (MmuKind.NESTED_EPT, Vendor.INTEL),
        (MmuKind.NESTED_NPT, Vendor.AMD),
        (MmuKind.SHADOW, Vendor.SHADOW),
    ],
    ids=lambda value: value.name,
)
def test_the_table_of_what_sptes_permit_is_that_of_7_3(
    kernel_tree: Callable[[str], Path], opened: Callable[[Path], Both], kind: MmuKind, vendor: Vendor
) -> None:
    both = opened(kernel_tree("7.3"))
    mine, theirs = (
        kvm.spte_changes.spte_permission_fault(
            kvm.masks.shadow_masks(vendor), kind, request("now"), var("error_code", 64), var("spte", 64)
        )
        for kvm in both
    )
    registers = ControlRegisters(var("cr0 now", 64), var("cr4 now", 64), var("efer now", 64))
    on_host = host(both.lifted.masks.shadow_masks(vendor))
    prove_equal(mine, theirs, assuming=[registers.possible(), on_host], partial=_ASSERTED)


def test_7_2_has_no_table_of_what_sptes_permit(both: Both) -> None:
    masks = both.lifted.masks.shadow_masks(Vendor.INTEL)
    with pytest.raises(NotThere, match="spte_permission_fault"):
        both.lifted.spte_changes.spte_permission_fault(
            masks, MmuKind.TDP, request("now"), var("error_code", 64), var("spte", 64)
        )
