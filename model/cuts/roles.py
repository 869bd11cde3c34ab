"""The calls that setting roles and passing them on makes and that are not followed.

A result that may be anything stands for every result; what such a call writes is listed and becomes unknown.
Everything else that this code calls is lifted or refused.
"""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common

TDP_HAS_SMEP = Cut("kvm_x86_tdp_has_smep", "whether MBEC or GMET is on, the same each time it is asked")
GUEST_PHYSICAL_WIDTH = Cut(
    "cpuid_query_maxguestphyaddr",
    "the width of a TD's guest-physical addresses: any; of others, which have another width, it is not asked",
)

SET_UP: tuple[Cut, ...] = (
    *common.CUTS,
    Cut("kvm_x86_cache_reg", "fetches a register of the guest into the register cache, which holds it already here"),
    Cut(
        "update_permission_bitmask",
        "computes permissions, which no role depends on",
        writes=((0, "permissions"),),
    ),
    Cut(
        "update_pkru_bitmask",
        "computes what protection keys forbid, which no role depends on",
        writes=((0, "pkru_mask"),),
    ),
    Cut(
        "reset_guest_rsvds_bits_mask",
        "computes the reserved bits of guest entries, which no role depends on",
        writes=((1, "guest_rsvd_check|fmt.rsvd_bits_mask"), (1, "guest_rsvd_check|fmt.bad_mt_xwr")),
    ),
    Cut(
        "reset_rsvds_bits_mask_ept",
        "computes the reserved bits of guest entries, which no role depends on",
        writes=((1, "guest_rsvd_check|fmt.rsvd_bits_mask"), (1, "guest_rsvd_check|fmt.bad_mt_xwr")),
    ),
    Cut(
        "reset_shadow_zero_bits_mask",
        "computes the reserved bits of SPTEs, which no role depends on",
        writes=((1, "shadow_zero_check|fmt.rsvd_bits_mask"), (1, "shadow_zero_check|fmt.bad_mt_xwr")),
    ),
    Cut(
        "reset_tdp_shadow_zero_bits_mask",
        "computes the reserved bits of SPTEs, which no role depends on",
        writes=((0, "shadow_zero_check|fmt.rsvd_bits_mask"), (0, "shadow_zero_check|fmt.bad_mt_xwr")),
    ),
    Cut(
        "reset_ept_shadow_zero_bits_mask",
        "computes the reserved bits of SPTEs, which no role depends on",
        writes=((0, "shadow_zero_check|fmt.rsvd_bits_mask"), (0, "shadow_zero_check|fmt.bad_mt_xwr")),
    ),
    Cut("kvm_mmu_new_pgd", "finds or drops the root of the new tables; changes roots and requests, no role"),
)
"""For the set-up of an MMU."""

SPTEP_TO_SP = Cut("sptep_to_sp", "finds the page that an SPTE is in; reads only")

CHILD: tuple[Cut, ...] = (
    *common.CUTS,
    Cut("virt_to_page", "finds the host's note about a page; reads only"),
    Cut("__phys_addr_nodebug", "the physical address of kernel memory; reads only"),
    Cut("set_page_private", "notes the shadow page with the host's page; writes no role"),
    Cut("trace_kvm_mmu_get_page", "a tracepoint; reads only"),
)
"""For the role of a page below another."""

FIND_PAGE = Cut("kvm_mmu_find_shadow_page", "finds a page of the same role; here there is none, and one is made")
ALLOC = Cut("kvm_mmu_memory_cache_alloc", "gives memory for the page; its content is written afterwards")

ALLOC_ROOT: tuple[Cut, ...] = (
    *CHILD,
    Cut("kvm_page_table_hashfn", "where pages of the same frame are kept: any place", result_mask=0xFFF),
    Cut("hlist_add_head", "notes the page among those of the same frame; writes no role"),
    Cut("__list_add", "notes the page among those in use; writes no role"),
    Cut("list_add", "notes the page among those in use; writes no role"),
    Cut("kvm_account_mmu_page", "counts; writes no role"),
    Cut("kvm_mod_used_mmu_pages", "counts; writes no role"),
    Cut("kvm_account_pgtable_pages", "counts; writes no role"),
    Cut("percpu_counter_add", "counts; writes no role"),
    Cut("account_shadowed", "write-protects the guest's table; writes no role"),
)
"""For the role of a root page."""

ASKED = "maps with the access that it is given; what it is asked for is looked at"
GET_CHILD = Cut("kvm_mmu_get_child_sp", ASKED)
MMU_SET_SPTE = Cut("mmu_set_spte", ASKED)
MAKE_SPTE = Cut("make_spte", ASKED, writes=((10, ""),))
MAKE_MMIO_SPTE = Cut("make_mmio_spte", ASKED)

WALK_INIT = Cut("shadow_walk_init", "begins the walk: at any level, in any table", writes=((0, ""),))
WALK_NEXT = Cut("shadow_walk_next", "goes on with the walk, which is ended: the next level is as this one, any")

DIRECT_MAP: tuple[Cut, ...] = (
    *common.CUTS,
    MMU_SET_SPTE,
    WALK_INIT,
    Cut("kvm_mmu_hugepage_adjust", "chooses the level to map at: any", writes=((1, "goal_level"),)),
    Cut("trace_kvm_mmu_spte_requested", "a tracepoint; reads only"),
    Cut("disallowed_hugepage_adjust", "chooses the level to map at: any", writes=((0, "goal_level"),)),
    Cut("link_shadow_page", "writes an SPTE, after the access has been chosen"),
    Cut("account_nx_huge_page", "counts; writes no role and no access"),
    Cut("direct_pte_prefetch", "maps neighbours with the access of their page's role"),
    Cut("__direct_pte_prefetch", "maps neighbours with the access of their page's role"),
)
"""For mapping a page without the TDP MMU."""

TDP_MAP: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MAKE_MMIO_SPTE,
    Cut("is_access_allowed", "whether an SPTE allows the access already: any answer; reads only"),
    Cut("tdp_mmu_set_spte_atomic", "writes the SPTE that has been made, or fails"),
    Cut("kvm_flush_remote_tlbs_gfn", "flushes TLBs after the SPTE has been made"),
    Cut("kvm_flush_remote_tlbs_with_address", "flushes TLBs after the SPTE has been made"),
    Cut("trace_mark_mmio_spte", "a tracepoint; reads only"),
    Cut("trace_kvm_mmu_set_spte", "a tracepoint; reads only"),
)
"""For mapping a page with the TDP MMU."""

MARK_MMIO_SPTE = Cut("mark_mmio_spte", ASKED)

SET_SPTE: tuple[Cut, ...] = (
    *common.CUTS,
    MAKE_SPTE,
    MARK_MMIO_SPTE,
    Cut("spte_to_child_sp", "finds the page that an SPTE leads to; reads only"),
    Cut("to_shadow_page", "finds the page that an SPTE leads to; reads only"),
    Cut("drop_parent_pte", "takes a page table away that a huge page replaces; what is mapped instead is given"),
    Cut("drop_spte", "takes an SPTE of another frame away; what is mapped instead is given"),
    Cut("mmu_spte_update", "writes the SPTE that has been made"),
    Cut("rmap_add", "notes the SPTE in the reverse map"),
    Cut("kvm_mmu_page_set_access", "notes what the guest's entry grants, after the SPTE has been made"),
    Cut("kvm_update_page_stats", "counts"),
    Cut("_printk", "prints, or says whether something is to be printed"),
    Cut("kvm_flush_remote_tlbs_gfn", "flushes TLBs"),
    Cut("kvm_flush_remote_tlbs_with_address", "flushes TLBs"),
    Cut("trace_kvm_mmu_set_spte", "a tracepoint; reads only"),
)
"""For mapping the page of a fault in the shadow MMU."""
