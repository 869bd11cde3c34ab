"""The calls that translations of L2's guest-physical addresses make and that are not followed.

A walk of L2's page tables is lifted whole.  What it reads from memory, whether it may, and where it gives up are
left open, so that what holds of its translations holds wherever the walk ends.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.tree.overlay import GET_USER_CALL
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu

GVA_TO_GPA = (functions.GVA_TO_GPA, f"{kvm_mmu.GUEST_MMU}.gva_to_gpa", f"vcpu.{kvm_mmu.GUEST_MMU}.gva_to_gpa")
"""The walk of L1's tables, as it is called through the MMU: by the pointer's path in the vCPU or what holds that."""
TRANSLATE = ("kvm_x86_nested_translate_nested_gpa", functions.TRANSLATE_NESTED_GPA)
"""What ``kvm_translate_gpa()`` calls for L2."""
READ_ENTRY = Cut(
    function=GET_USER_CALL, reason="reads an entry of L2's page tables, any value, or fails", writes=((0, "*"),)
)
ROOT = Cut(function=functions.KVM_MMU_GET_GUEST_PGD, reason="the root of L2's tables, any address")
PERMISSION_FAULT = Cut(
    function=functions.PERMISSION_FAULT,
    reason="whether L2's own tables allow the access: any error code of 8 bits, permission.error-code",
    result_mask=0xFF,
    writes=(
        (1, kvm_mmu.CPU_ROLE_BASE_CR0_WP),
        (1, kvm_mmu.in_format(kvm_mmu.PERMISSIONS)),
        (1, kvm_mmu.in_format(kvm_mmu.PROTECTION_KEYS)),
        *kvm_mmu.whole(1, kvm_mmu.GUEST_TABLE),
    ),
)
IS_VISIBLE = Cut(function="kvm_is_visible_memslot", reason="whether a memory slot is the guest's: any answer")
FIND_SLOT = Cut(
    function=functions.KVM_VCPU_GFN_TO_MEMSLOT, reason="finds the memory slot of a guest page, if there is one"
)
PLACE_IN_SLOT, PLACE_OF_FRAME = (
    Cut(
        function=name,
        reason="where a guest page is in the host, any address, and whether it can be written",
        writes=((2, "*"),),
    )
    for name in ("gfn_to_hva_memslot_prot", "kvm_vcpu_gfn_to_hva_prot")
)
HAS_NO_PLACE = Cut(function="kvm_is_error_hva", reason="whether a page has no place in the host: any answer")
UPDATES_FLAGS = "_update_accessed_dirty_bits"
"""How the name ends of what sets the accessed and dirty flags in the guest's tables."""
PSE36 = Cut(function="is_cpuid_PSE36", reason="whether L2's CPU has PSE-36: any answer")

ANY_ENTRY = "whether an entry of L2's tables has a reserved bit: any answer; the walk may end at any entry"
FLAGS = (
    "updates the accessed and dirty flags in L2's tables, or fails; where it asks for the walk to be repeated, the "
    "repeated walk begins anew and is covered as the first"
)

_HAND_OVER = tuple(
    Cut(
        function=name,
        reason=(
            "the walk of L1's tables: what it is asked is the result; any address, or none and a fault, is handed back"
        ),
        writes=((4, "*"),),
    )
    for name in GVA_TO_GPA
)
_WALK = (
    READ_ENTRY,
    *(
        Cut(
            function=name, reason="translates through L1's tables; any address, or none and a fault", writes=((3, "*"),)
        )
        for name in TRANSLATE
    ),
    ROOT,
    *(
        Cut(function=name, reason="a PDPTE of L2, any value")
        for name in (functions.GET_PDPTR, f"{kvm_mmu.L2_MMU}.get_pdptr")
    ),
    FIND_SLOT,
    IS_VISIBLE,
    PLACE_IN_SLOT,
    PLACE_OF_FRAME,
    HAS_NO_PLACE,
    *(Cut(function=f"{name}_is_rsvd_bits_set", reason=ANY_ENTRY) for name in ("paging64", "paging32")),
    *(Cut(function=f"{name}{UPDATES_FLAGS}", reason=FLAGS, result_mask=1 << 31) for name in ("paging64", "paging32")),
    PERMISSION_FAULT,
    PSE36,
    *(
        Cut(function=f"trace_kvm_mmu_{name}", reason="a tracepoint, which writes nothing that KVM reads")
        for name in ("pagetable_walk", "paging_element", "walker_error")
    ),
)

_PDPTRS = (
    *(
        Cut(function=name, reason="reads the four PDPTEs, any value, or fails", writes=((2, ""),))
        for name in (functions.KVM_VCPU_READ_GUEST_PAGE, "kvm_read_guest_page_mmu", "kvm_read_nested_guest_page")
    ),
    Cut(function=functions.KVM_MMU_FREE_ROOTS, reason="drops roots; the translation has been asked for by then"),
    Cut(function=functions.PDPTR_RSVD_BITS, reason="the reserved bits of a PDPTE, any value"),
    Cut(function="rsvd_bits", reason="the reserved bits of a PDPTE, any value"),
    Cut(function="memcmp", reason="whether the PDPTEs have changed: any answer"),
    Cut(
        function=functions.KVM_REGISTER_MARK_DIRTY,
        reason="notes that a register has changed; the translation has been asked for by then",
    ),
    Cut(function=functions.INNER_KVM_MAKE_REQUEST, reason="asks the vCPU to do something later"),
)

CUTS: tuple[Cut, ...] = (*_HAND_OVER, *_WALK, *_PDPTRS, *common.CUTS)
