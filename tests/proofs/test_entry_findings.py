"""The witnesses that docs/findings.md gives for reserved bits, on plain numbers and on both sides."""

from __future__ import annotations

import pytest

from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.given.requested_mmu import requested
from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.terms import TRUE, Term, bool_var, boolean, bv, var, zext
from mmuproof.spec.paging_layout import PAGING_32BIT
from mmuproof.spec.reserved import reserved_bit_set

PG, PSE = 1 << 31, 1 << 4


def value(term: Term, **inputs: int) -> bool:
    """The value where every other input is 0."""
    return bool(evaluate(term, dict.fromkeys(variables(term), 0) | inputs))


@pytest.mark.parametrize(
    ("width", "pse_36", "pde", "kvm_faults", "hardware_faults"),
    [
        (37, True, 0x20081, True, False),
        (32, True, 0x2081, False, True),
        (36, False, 0x2081, False, True),
        (36, True, 0x20081, True, True),
        (36, True, 0x1E081, False, False),
    ],
)
def test_pse_36_is_taken_to_have_36_bits(
    width: int, pse_36: bool, pde: int, kvm_faults: bool, hardware_faults: bool
) -> None:
    kvm, gpte = ReferenceKvm(), var("gpte", 32)
    wanted = requested(kvm, MmuKind.TDP)
    rejected = kvm.reserved_bits.is_rejected(wanted.mmu, GpteFormat.PAGING32, zext(gpte, 64), 2)
    controls = wanted.controls(boolean(pse_36))
    reserved = reserved_bit_set(PAGING_32BIT, gpte, 2, controls, wanted.max_physical_address)
    inputs = {"cr0": PG, "cr4": PSE, "gpte": pde, "vcpu->arch.maxphyaddr": width}
    assert (value(rejected, **inputs), value(reserved, **inputs)) == (kvm_faults, hardware_faults)


@pytest.mark.parametrize(("efer_nx", "mitigation", "warns"), [(0, 1, True), (1, 1, False), (0, 0, False)])
def test_the_mitigation_sets_what_the_check_of_a_nested_npt_forbids(efer_nx: int, mitigation: int, warns: bool) -> None:
    kvm = ReferenceKvm()
    masks = kvm.masks.shadow_masks(Vendor.AMD)
    request = SpteRequest(
        level=bv(2, 4),
        ad_disabled=boolean(False),
        pte_access=bv(kvm.constant("ACC_ALL"), 32),
        gfn=bv(0x200, 64),
        pfn=bv(0x200, 64),
        old_spte=bv(0, 64),
        prefetch=bool_var("prefetch"),
        synchronizing=bool_var("synchronizing"),
        host_writable=TRUE,
    )
    made = kvm.sptes.make_spte(masks, request)
    wanted = requested(kvm, MmuKind.NESTED_NPT)
    check = kvm.reserved_bits.shadow_check(wanted.mmu, masks, 4)
    inputs = {
        "cr0": PG,
        "cr4": 1 << 5,
        "efer": 1 << 10 | efer_nx << 11,
        "nx_huge_pages": mitigation,
        "kvm_host.maxphyaddr": 46,
        "boot_cpu_data.x86_phys_bits": 46,
    }
    assert value(made.nx_huge_pages, **inputs) == bool(mitigation)
    assert value(kvm.reserved_bits.is_rsvd_spte(check, made.spte, 2), **inputs) == warns
