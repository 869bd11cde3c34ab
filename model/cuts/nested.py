"""The calls that translations of L2's guest-physical addresses make and that are not followed.

A walk of L2's page tables is lifted whole.  What it reads from memory, whether it may, and where it gives up are
left open, so that what holds of its translations holds wherever the walk ends.
"""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.lift.overlay import GET_USER_CALL
from mmuproof.model.cuts import common

GVA_TO_GPA = ("gva_to_gpa", "arch.guest_mmu.gva_to_gpa", "vcpu.arch.guest_mmu.gva_to_gpa")
"""The walk of L1's tables, as it is called through the MMU: by the pointer's path in the vCPU or what holds that."""
TRANSLATE = ("kvm_x86_nested_translate_nested_gpa", "translate_nested_gpa")
"""What ``kvm_translate_gpa()`` calls for L2."""
READ_ENTRY = Cut(GET_USER_CALL, "reads an entry of L2's page tables, any value, or fails", writes=((0, "*"),))

_ANY_ENTRY = "whether an entry of L2's tables has a reserved bit: any answer; the walk may end at any entry"
_FLAGS = (
    "updates the accessed and dirty flags in L2's tables, or fails; where it asks for the walk to be repeated, the "
    "repeated walk begins anew and is covered as the first"
)

_HAND_OVER = tuple(
    Cut(
        name,
        "the walk of L1's tables: what it is asked is the result; any address, or none and a fault, is handed back",
        writes=((4, "*"),),
    )
    for name in GVA_TO_GPA
)
_WALK = (
    READ_ENTRY,
    *(
        Cut(name, "translates through L1's tables; any address, or none and a fault", writes=((3, "*"),))
        for name in TRANSLATE
    ),
    Cut("kvm_mmu_get_guest_pgd", "the root of L2's tables, any address"),
    *(Cut(name, "a PDPTE of L2, any value") for name in ("get_pdptr", "arch.nested_mmu.get_pdptr")),
    Cut("kvm_vcpu_gfn_to_memslot", "finds the memory slot of a guest page, if there is one"),
    Cut("kvm_is_visible_memslot", "whether a memory slot is the guest's: any answer"),
    Cut(
        "gfn_to_hva_memslot_prot",
        "where a guest page is in the host, any address, and whether it can be written",
        writes=((2, "*"),),
    ),
    Cut(
        "kvm_vcpu_gfn_to_hva_prot",
        "where a guest page is in the host, any address, and whether it can be written",
        writes=((2, "*"),),
    ),
    Cut("kvm_is_error_hva", "whether a page has no place in the host: any answer"),
    *(Cut(f"{name}_is_rsvd_bits_set", _ANY_ENTRY) for name in ("paging64", "paging32")),
    *(Cut(f"{name}_update_accessed_dirty_bits", _FLAGS, result_mask=1 << 31) for name in ("paging64", "paging32")),
    Cut("permission_fault", "whether L2's own tables allow the access: any answer"),
    Cut("is_cpuid_PSE36", "whether L2's CPU has PSE-36: any answer"),
    *(
        Cut(f"trace_kvm_mmu_{name}", "a tracepoint, which writes nothing that KVM reads")
        for name in ("pagetable_walk", "paging_element", "walker_error")
    ),
)

_PDPTRS = (
    *(Cut(name, "reads the four PDPTEs, any value, or fails", writes=((2, ""),)) for name in (
        "kvm_vcpu_read_guest_page", "kvm_read_guest_page_mmu", "kvm_read_nested_guest_page",
    )),
    Cut("kvm_mmu_free_roots", "drops roots; the translation has been asked for by then"),
    Cut("pdptr_rsvd_bits", "the reserved bits of a PDPTE, any value"),
    Cut("rsvd_bits", "the reserved bits of a PDPTE, any value"),
    Cut("memcmp", "whether the PDPTEs have changed: any answer"),
    Cut("kvm_register_mark_dirty", "notes that a register has changed; the translation has been asked for by then"),
    Cut("__kvm_make_request", "asks the vCPU to do something later"),
)  # fmt: skip

CUTS: tuple[Cut, ...] = (*_HAND_OVER, *_WALK, *_PDPTRS, *common.CUTS)
