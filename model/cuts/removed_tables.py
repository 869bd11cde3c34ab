"""The calls that taking a table of the TDP MMU apart makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roles
from mmuproof.model.named import kvm_mmu_page, list_heads

CHILD = Cut(function="spte_to_child_pt", reason="finds the table that an entry leads to; of which entry is looked at")
REMOVED = Cut(
    function="handle_removed_pt",
    reason="takes a table apart; which one, and when, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
)
READ = Cut(function="kvm_tdp_mmu_read_spte", reason="reads an entry: any content; of which one is looked at")
EXCHANGE = Cut(
    function="kvm_tdp_mmu_write_spte_atomic",
    reason="exchanges an entry, which held anything; which one, and for what, is looked at",
    elsewhere=("*",),
)
WRITE = Cut(
    function="kvm_tdp_mmu_write_spte",
    reason="writes an entry, which held anything by then; which one, and what, is looked at",
    elsewhere=("*",),
)
CHANGED = Cut(
    function="handle_changed_spte",
    reason="does what a change of an entry needs; what it is told is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST),
)
SPTEP_TO_SP = roles.SPTEP_TO_SP
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    CHILD,
    REMOVED,
    READ,
    EXCHANGE,
    WRITE,
    Cut(
        function="tdp_mmu_unlink_sp",
        reason="takes the page off the list of those that may become huge",
        elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST, "argument 0", "argument 1"),
    ),
    *common.each("tells TDX", "kvm_x86_free_external_spt", "kvm_x86_set_external_spte"),
    *common.each("lets the processor wait", "rep_nop", "native_pause"),
    *common.each("frees the page when nobody looks at it any more", "call_rcu"),
    *common.each("prints", "_printk"),
    *common.each("counts pages", "kvm_update_page_stats"),
    *common.each("a tracepoint; reads only", "trace_kvm_mmu_prepare_zap_page", "trace_kvm_tdp_mmu_spte_changed"),
    *common.each("tells the host that a page was used or written", "kvm_set_pfn_dirty", "kvm_set_pfn_accessed"),
)
