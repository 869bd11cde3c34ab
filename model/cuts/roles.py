"""The calls that setting roles and passing them on makes and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import kvm_mmu, kvm_page_fault, tdp_iter

TDP_HAS_SMEP = Cut(function="kvm_x86_tdp_has_smep", reason="whether MBEC or GMET is on, the same each time it is asked")
GUEST_PHYSICAL_WIDTH = Cut(
    function="cpuid_query_maxguestphyaddr",
    reason="the width of a TD's guest-physical addresses: any; of others, which have another width, it is not asked",
)

_GUEST_MMUS_TABLE = f"{kvm_mmu.GUEST_MMU}.{kvm_mmu.GUEST_TABLE[0]}"

SET_UP: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(
        function="kvm_x86_cache_reg",
        reason="fetches a register of the guest into the register cache, which holds it already here",
    ),
    Cut(
        function="update_permission_bitmask",
        reason="computes permissions, which no role depends on",
        writes=((0, kvm_mmu.in_format(kvm_mmu.PERMISSIONS)),),
    ),
    Cut(
        function="update_spte_permission_bitmask",
        reason="computes what SPTEs permit, which no role depends on",
        writes=((0, kvm_mmu.only_in_format(kvm_mmu.PERMISSIONS)),),
    ),
    Cut(
        function="update_pkru_bitmask",
        reason="computes what protection keys forbid, which no role depends on",
        writes=((0, kvm_mmu.in_format(kvm_mmu.PROTECTION_KEYS)),),
    ),
    Cut(
        function="reset_guest_rsvds_bits_mask",
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
        function="reset_shadow_zero_bits_mask",
        reason="computes the reserved bits of SPTEs, which no role depends on",
        writes=kvm_mmu.whole(1, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function="reset_tdp_shadow_zero_bits_mask",
        reason="computes the reserved bits of SPTEs, which no role depends on",
        writes=kvm_mmu.whole(0, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function="reset_ept_shadow_zero_bits_mask",
        reason="computes the reserved bits of SPTEs, which no role depends on",
        writes=kvm_mmu.whole(0, kvm_mmu.SPTE_TABLE),
    ),
    Cut(
        function="kvm_mmu_new_pgd",
        reason="finds or drops the root of the new tables; changes roots and requests, no role",
    ),
)
"""For the set-up of an MMU."""

SPTEP_TO_SP = Cut(function="sptep_to_sp", reason="finds the page that an SPTE is in; reads only")

CHILD: tuple[Cut, ...] = (
    *common.CUTS,
    Cut(function="virt_to_page", reason="finds the host's note about a page; reads only"),
    Cut(function="__phys_addr_nodebug", reason="the physical address of kernel memory; reads only"),
    Cut(function="set_page_private", reason="notes the shadow page with the host's page; writes no role"),
    Cut(function="trace_kvm_mmu_get_page", reason="a tracepoint; reads only"),
)
"""For the role of a page below another."""

FIND_PAGE = Cut(
    function="kvm_mmu_find_shadow_page", reason="finds a page of the same role; here there is none, and one is made"
)
ALLOC = Cut(
    function="kvm_mmu_memory_cache_alloc", reason="gives memory for the page; its content is written afterwards"
)

ALLOC_ROOT: tuple[Cut, ...] = (
    *CHILD,
    Cut(
        function="kvm_page_table_hashfn", reason="where pages of the same frame are kept: any place", result_mask=0xFFF
    ),
    Cut(function="hlist_add_head", reason="notes the page among those of the same frame; writes no role"),
    Cut(function="__list_add", reason="notes the page among those in use; writes no role"),
    Cut(function="list_add", reason="notes the page among those in use; writes no role"),
    Cut(function="kvm_account_mmu_page", reason="counts; writes no role"),
    Cut(function="kvm_mod_used_mmu_pages", reason="counts; writes no role"),
    Cut(function="kvm_account_pgtable_pages", reason="counts; writes no role"),
    Cut(function="percpu_counter_add", reason="counts; writes no role"),
    Cut(function="account_shadowed", reason="write-protects the guest's table; writes no role"),
)
"""For the role of a root page."""

ASKED = "maps with the access that it is given; what it is asked for is looked at"
GET_CHILD = Cut(function="kvm_mmu_get_child_sp", reason=ASKED)
MMU_SET_SPTE = Cut(function="mmu_set_spte", reason=ASKED)
MAKE_SPTE = Cut(function="make_spte", reason=ASKED, writes=((10, ""),))
MAKE_MMIO_SPTE = Cut(function="make_mmio_spte", reason=ASKED)

WALK_INIT = Cut(function="shadow_walk_init", reason="begins the walk: at any level, in any table", writes=((0, ""),))
WALK_NEXT = Cut(
    function="shadow_walk_next", reason="goes on with the walk, which is ended: the next level is as this one, any"
)

DIRECT_MAP: tuple[Cut, ...] = (
    *common.CUTS,
    MMU_SET_SPTE,
    WALK_INIT,
    Cut(
        function="kvm_mmu_hugepage_adjust",
        reason="chooses the level to map at: any",
        writes=((1, kvm_page_fault.GOAL_LEVEL),),
    ),
    Cut(function="trace_kvm_mmu_spte_requested", reason="a tracepoint; reads only"),
    Cut(
        function="disallowed_hugepage_adjust",
        reason="chooses the level to map at: any",
        writes=((0, kvm_page_fault.GOAL_LEVEL),),
    ),
    Cut(function="link_shadow_page", reason="writes an SPTE, after the access has been chosen"),
    Cut(function="account_nx_huge_page", reason="counts; writes no role and no access"),
    Cut(function="direct_pte_prefetch", reason="maps neighbours with the access of their page's role"),
    Cut(function="__direct_pte_prefetch", reason="maps neighbours with the access of their page's role"),
)
"""For mapping a page without the TDP MMU."""

TDP_MAP: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MAKE_MMIO_SPTE,
    Cut(function="is_access_allowed", reason="whether an SPTE allows the access already: any answer; reads only"),
    Cut(
        function="tdp_mmu_set_spte_atomic",
        reason="writes the SPTE that has been made, or fails",
        writes=((1, tdp_iter.OLD_SPTE),),
    ),
    Cut(function="kvm_flush_remote_tlbs_gfn", reason="flushes TLBs after the SPTE has been made"),
    Cut(function="kvm_flush_remote_tlbs_with_address", reason="flushes TLBs after the SPTE has been made"),
    Cut(function="trace_mark_mmio_spte", reason="a tracepoint; reads only"),
    Cut(function="trace_kvm_mmu_set_spte", reason="a tracepoint; reads only"),
)
"""For mapping a page with the TDP MMU."""

MARK_MMIO_SPTE = Cut(function="mark_mmio_spte", reason=ASKED)

SET_SPTE: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MARK_MMIO_SPTE,
    Cut(function="spte_to_child_sp", reason="finds the page that an SPTE leads to; reads only"),
    Cut(function="to_shadow_page", reason="finds the page that an SPTE leads to; reads only"),
    *(
        Cut(
            function="drop_parent_pte",
            reason="takes a page table away that a huge page replaces; what is mapped instead is given",
            writes=((position, "*"),),
        )
        for position in (2, 1)
    ),
    Cut(
        function="drop_spte",
        reason="takes an SPTE of another frame away; what is mapped instead is given",
        writes=((1, "*"),),
    ),
    Cut(function="mmu_spte_update", reason="writes the SPTE that has been made"),
    Cut(function="rmap_add", reason="notes the SPTE in the reverse map"),
    Cut(function="kvm_mmu_page_set_access", reason="notes what the guest's entry grants, after the SPTE has been made"),
    Cut(function="kvm_update_page_stats", reason="counts"),
    Cut(function="_printk", reason="prints, or says whether something is to be printed"),
    Cut(function="kvm_flush_remote_tlbs_gfn", reason="flushes TLBs"),
    Cut(function="kvm_flush_remote_tlbs_with_address", reason="flushes TLBs"),
    Cut(function="trace_kvm_mmu_set_spte", reason="a tracepoint; reads only"),
)
"""For mapping the page of a fault in the shadow MMU."""
