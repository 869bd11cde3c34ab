"""The calls that setting roles and passing them on makes and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu, kvm_page_fault, tdp_iter

TDP_HAS_SMEP = Cut(
    function=functions.KVM_X86_TDP_HAS_SMEP, reason="whether MBEC or GMET is on, the same each time it is asked"
)
GUEST_PHYSICAL_WIDTH = Cut(
    function="cpuid_query_maxguestphyaddr",
    reason="the width of a TD's guest-physical addresses: any; of others, which have another width, it is not asked",
)

_GUEST_MMUS_TABLE = f"{kvm_mmu.GUEST_MMU}.{kvm_mmu.GUEST_TABLE[0]}"

SET_UP: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="fetches a register of the guest into the register cache, which holds it already here",
    ),
    Cut(
        function=functions.UPDATE_PERMISSION_BITMASK,
        reason="computes permissions, which no role depends on",
        writes=((0, kvm_mmu.in_format(kvm_mmu.PERMISSIONS)),),
    ),
    Cut(
        function=functions.UPDATE_SPTE_PERMISSION_BITMASK,
        reason="computes what SPTEs permit, which no role depends on",
        writes=((0, kvm_mmu.only_in_format(kvm_mmu.PERMISSIONS)),),
    ),
    Cut(
        function=functions.UPDATE_PKRU_BITMASK,
        reason="computes what protection keys forbid, which no role depends on",
        writes=((0, kvm_mmu.in_format(kvm_mmu.PROTECTION_KEYS)),),
    ),
    Cut(
        function=functions.RESET_GUEST_RSVDS_BITS_MASK,
        reason="computes the reserved bits of guest entries, which no role depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.GUEST_TABLE),
    ),
    *(
        Cut(
            function="reset_rsvds_bits_mask_ept",
            reason="computes the reserved bits of guest entries, which no role depends on",
            writes=writes,
        )
        for writes in (
            kvm_mmu.whole(1, kvm_mmu.GUEST_TABLE),
            tuple((0, f"{kvm_mmu.NESTED_WALK}.{each}|{_GUEST_MMUS_TABLE}") for each in kvm_mmu.FORMAT_PARTS),
        )
    ),
    Cut(
        function=functions.RESET_SHADOW_ZERO_BITS_MASK,
        reason="computes the reserved bits of SPTEs, which no role depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function=functions.RESET_TDP_SHADOW_ZERO_BITS_MASK,
        reason="computes the reserved bits of SPTEs, which no role depends on",
        writes=kvm_mmu.whole(0, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function=functions.RESET_EPT_SHADOW_ZERO_BITS_MASK,
        reason="computes the reserved bits of SPTEs, which no role depends on",
        writes=kvm_mmu.whole(0, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function=functions.KVM_MMU_NEW_PGD,
        reason="finds or drops the root of the new tables; changes roots and requests, no role",
    ),
)
"""For the set-up of an MMU."""

SPTEP_TO_SP = Cut(function=functions.SPTEP_TO_SP, reason="finds the page that an SPTE is in; reads only")

CHILD: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(function="virt_to_page", reason="finds the host's note about a page; reads only"),
    Cut(function=functions.INNER_PHYS_ADDR_NODEBUG, reason="the physical address of kernel memory; reads only"),
    Cut(function="set_page_private", reason="notes the shadow page with the host's page; writes no role"),
    Cut(function="trace_kvm_mmu_get_page", reason="a tracepoint; reads only"),
)
"""For the role of a page below another."""

FIND_PAGE = Cut(
    function=functions.KVM_MMU_FIND_SHADOW_PAGE,
    reason="finds a page of the same role; here there is none, and one is made",
)
ALLOC = Cut(
    function=functions.KVM_MMU_MEMORY_CACHE_ALLOC, reason="gives memory for the page; its content is written afterwards"
)

ALLOC_ROOT: tuple[Cut, ...] = (
    *CHILD,
    Cut(
        function=functions.KVM_PAGE_TABLE_HASHFN,
        reason="where pages of the same frame are kept: any place",
        result_mask=0xFFF,
    ),
    Cut(function="hlist_add_head", reason="notes the page among those of the same frame; writes no role"),
    Cut(function=functions.INNER_LIST_ADD, reason="notes the page among those in use; writes no role"),
    Cut(function=functions.LIST_ADD, reason="notes the page among those in use; writes no role"),
    Cut(function="kvm_account_mmu_page", reason="counts; writes no role"),
    Cut(function=functions.KVM_MOD_USED_MMU_PAGES, reason="counts; writes no role"),
    Cut(function="kvm_account_pgtable_pages", reason="counts; writes no role"),
    Cut(function="percpu_counter_add", reason="counts; writes no role"),
    Cut(function="account_shadowed", reason="write-protects the guest's table; writes no role"),
)
"""For the role of a root page."""

ASKED = "maps with the access that it is given; what it is asked for is looked at"
GET_CHILD = Cut(function=functions.KVM_MMU_GET_CHILD_SP, reason=ASKED)
MMU_SET_SPTE = Cut(function=functions.MMU_SET_SPTE, reason=ASKED)
MAKE_SPTE = Cut(function=functions.MAKE_SPTE, reason=ASKED, writes=((10, ""),))
MAKE_MMIO_SPTE = Cut(function=functions.MAKE_MMIO_SPTE, reason=ASKED)

WALK_INIT = Cut(
    function=functions.SHADOW_WALK_INIT, reason="begins the walk: at any level, in any table", writes=((0, ""),)
)
WALK_NEXT = Cut(
    function=functions.SHADOW_WALK_NEXT,
    reason="goes on with the walk, which is ended: the next level is as this one, any",
)

DIRECT_MAP: tuple[Cut, ...] = (
    *common.CUTS,
    MMU_SET_SPTE,
    WALK_INIT,
    Cut(
        function=functions.KVM_MMU_HUGEPAGE_ADJUST,
        reason="chooses the level to map at: any",
        writes=((1, kvm_page_fault.GOAL_LEVEL),),
    ),
    Cut(function=functions.TRACE_KVM_MMU_SPTE_REQUESTED, reason="a tracepoint; reads only"),
    Cut(
        function=functions.DISALLOWED_HUGEPAGE_ADJUST,
        reason="chooses the level to map at: any",
        writes=((0, kvm_page_fault.GOAL_LEVEL),),
    ),
    Cut(function=functions.LINK_SHADOW_PAGE, reason="writes an SPTE, after the access has been chosen"),
    Cut(function=functions.ACCOUNT_NX_HUGE_PAGE, reason="counts; writes no role and no access"),
    Cut(function=functions.DIRECT_PTE_PREFETCH, reason="maps neighbours with the access of their page's role"),
    Cut(function=functions.INNER_DIRECT_PTE_PREFETCH, reason="maps neighbours with the access of their page's role"),
)
"""For mapping a page without the TDP MMU."""

TDP_MAP: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MAKE_MMIO_SPTE,
    Cut(
        function=functions.IS_ACCESS_ALLOWED, reason="whether an SPTE allows the access already: any answer; reads only"
    ),
    Cut(
        function=functions.TDP_MMU_SET_SPTE_ATOMIC,
        reason="writes the SPTE that has been made, or fails",
        writes=((1, tdp_iter.OLD_SPTE),),
    ),
    Cut(function=functions.KVM_FLUSH_REMOTE_TLBS_GFN, reason="flushes TLBs after the SPTE has been made"),
    Cut(function=functions.KVM_FLUSH_REMOTE_TLBS_WITH_ADDRESS, reason="flushes TLBs after the SPTE has been made"),
    Cut(function=functions.TRACE_MARK_MMIO_SPTE, reason="a tracepoint; reads only"),
    Cut(function=functions.TRACE_KVM_MMU_SET_SPTE, reason="a tracepoint; reads only"),
)
"""For mapping a page with the TDP MMU."""

MARK_MMIO_SPTE = Cut(function="mark_mmio_spte", reason=ASKED)

SET_SPTE: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MARK_MMIO_SPTE,
    Cut(function=functions.SPTE_TO_CHILD_SP, reason="finds the page that an SPTE leads to; reads only"),
    Cut(function=functions.TO_SHADOW_PAGE, reason="finds the page that an SPTE leads to; reads only"),
    *(
        Cut(
            function=functions.DROP_PARENT_PTE,
            reason="takes a page table away that a huge page replaces; what is mapped instead is given",
            writes=((position, "*"),),
        )
        for position in (2, 1)
    ),
    Cut(
        function=functions.DROP_SPTE,
        reason="takes an SPTE of another frame away; what is mapped instead is given",
        writes=((1, "*"),),
    ),
    Cut(function=functions.MMU_SPTE_UPDATE, reason="writes the SPTE that has been made"),
    Cut(function=functions.RMAP_ADD, reason="notes the SPTE in the reverse map"),
    Cut(
        function=functions.KVM_MMU_PAGE_SET_ACCESS,
        reason="notes what the guest's entry grants, after the SPTE has been made",
    ),
    Cut(function=functions.KVM_UPDATE_PAGE_STATS, reason="counts"),
    Cut(function=functions.PRINTK, reason="prints, or says whether something is to be printed"),
    Cut(function=functions.KVM_FLUSH_REMOTE_TLBS_GFN, reason="flushes TLBs"),
    Cut(function=functions.KVM_FLUSH_REMOTE_TLBS_WITH_ADDRESS, reason="flushes TLBs"),
    Cut(function=functions.TRACE_KVM_MMU_SET_SPTE, reason="a tracepoint; reads only"),
)
"""For mapping the page of a fault in the shadow MMU."""
