"""The calls that going through the roots of the TDP MMU makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import kvm_mmu_page, list_heads

NEXT_ROOT = Cut(
    function="tdp_mmu_next_root",
    reason="hands out the next root of the kinds that are asked for: loop.roots; which are asked for is looked at",
    elsewhere=("*",),
)
PUT_ROOT = Cut(
    function="kvm_tdp_mmu_put_root",
    reason="lets go of a reference to a root; that it is called, and when, is looked at",
    elsewhere=("*",),
)
GET_ROOT = Cut(
    function="kvm_tdp_mmu_get_root", reason="takes a reference to a root, unless it is about to be freed: any answer"
)
WORKERS = tuple(
    Cut(
        function=name,
        reason="changes entries below a root, pages of tables and lists of such pages, and neither a root nor the list "
        "of roots; for which roots, and with what, is looked at",
        elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
    )
    for name in (
        "tdp_mmu_zap_leafs",
        "tdp_mmu_zap_root",
        "wrprot_gfn_range",
        "write_protect_gfn",
        "clear_dirty_gfn_range",
        "clear_dirty_pt_masked",
        "tdp_mmu_split_huge_pages_root",
        "recover_huge_pages_range",
        "zap_collapsible_spte_range",
    )
)
_LOCKS = ("_raw_read_lock", "_raw_read_unlock", "_raw_write_lock", "_raw_write_unlock")
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    NEXT_ROOT,
    PUT_ROOT,
    GET_ROOT,
    *WORKERS,
    *common.each("a lock", "rcu_read_lock", "rcu_read_unlock", "__raw_read_unlock", "__raw_write_unlock", *_LOCKS),
)
