"""The calls of what goes through an kvm_mmu.MMU's roots that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roots
from mmuproof.model.cuts.invalidations import FREE_ROOTS
from mmuproof.model.named import kvm_mmu, kvm_mmu_page, kvm_vcpu

SYNC_CHILDREN = Cut(
    function="mmu_sync_children",
    reason="brings what is below a page up to date; of which page is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
CHILD = tuple(
    Cut(function=name, reason="finds the page that an entry leads to: any; reads only")
    for name in ("spte_to_child_sp", "to_shadow_page")
)
FORGET_MMIO = Cut(
    function="vcpu_clear_mmio_info",
    reason="forgets the last access to MMIO; that it is called is looked at",
    writes=((0, kvm_vcpu.MMIO_GVA),),
)
PUT = Cut(
    function="kvm_tdp_mmu_put_root",
    reason="gives a use of a root of the TDP kvm_mmu.MMU up; of which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
ZAP = Cut(
    function="kvm_mmu_prepare_zap_page",
    reason="takes a page apart; which is looked at",
    writes=((2, ""),),
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
TOP_UP = Cut(function="mmu_topup_memory_caches", reason="gets memory for pages, or fails", elsewhere=("*",))
SPECIAL = Cut(
    function="mmu_alloc_special_roots", reason="makes the tables above a PAE root if needed, or fails", elsewhere=("*",)
)
MAKE_DIRECT, MAKE_SHADOW = (
    Cut(
        function=f"mmu_alloc_{kind}_roots",
        reason="makes the roots, or fails: role.made-roots proves which",
        elsewhere=("*", kvm_mmu.MMU, kvm_mmu_page.STRUCT),
    )
    for kind in ("direct", "shadow")
)
SYNC = Cut(
    function="kvm_mmu_sync_roots",
    reason="brings the tables up to date; that it is called, and when, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
LOAD = Cut(function="kvm_mmu_load_pgd", reason="gives the root to the hardware: role.eptp proves it; when is looked at")
FLUSH = tuple(
    Cut(function=name, reason="forgets what the processor has cached; that it is called, and when, is looked at")
    for name in ("flush_tlb_current", "kvm_x86_flush_tlb_current", "vt_flush_tlb_current")
)
SWEEP: tuple[Cut, ...] = (
    *common.CUTS,
    FREE_ROOTS,
    roots.DUMMY_ROOT,
    SYNC_CHILDREN,
    FORGET_MMIO,
    PUT,
    ZAP,
    *common.each("takes or gives back a lock", "_raw_write_lock", "_raw_write_unlock", "__raw_write_unlock"),
)
LOADING: tuple[Cut, ...] = (*common.CUTS, TOP_UP, SPECIAL, MAKE_DIRECT, MAKE_SHADOW, SYNC, LOAD, *FLUSH)
