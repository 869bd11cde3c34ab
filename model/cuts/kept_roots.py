"""The calls of what goes through an kvm_mmu.MMU's roots that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roots
from mmuproof.model.cuts.invalidations import FREE_ROOTS
from mmuproof.model.named import functions, kvm_mmu, kvm_mmu_page, kvm_vcpu

SYNC_CHILDREN = Cut(
    function=functions.MMU_SYNC_CHILDREN,
    reason="brings what is below a page up to date; of which page is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
CHILD = tuple(
    Cut(function=name, reason="finds the page that an entry leads to: any; reads only")
    for name in (functions.SPTE_TO_CHILD_SP, functions.TO_SHADOW_PAGE)
)
FORGET_MMIO = Cut(
    function=functions.VCPU_CLEAR_MMIO_INFO,
    reason="forgets the last access to MMIO; that it is called is looked at",
    writes=((0, kvm_vcpu.MMIO_GVA),),
)
PUT = Cut(
    function=functions.KVM_TDP_MMU_PUT_ROOT,
    reason="gives a use of a root of the TDP kvm_mmu.MMU up; of which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
ZAP = Cut(
    function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
    reason="takes a page apart; which is looked at",
    writes=((2, ""),),
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
TOP_UP = Cut(function=functions.MMU_TOPUP_MEMORY_CACHES, reason="gets memory for pages, or fails", elsewhere=("*",))
SPECIAL = Cut(
    function=functions.MMU_ALLOC_SPECIAL_ROOTS,
    reason="makes the tables above a PAE root if needed, or fails, by role.special-roots",
    elsewhere=("*",),
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
    function=functions.KVM_MMU_SYNC_ROOTS,
    reason="brings the tables up to date; that it is called, and when, is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
LOAD = Cut(
    function=functions.KVM_MMU_LOAD_PGD, reason="gives the root to the hardware: role.eptp proves it; when is looked at"
)
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
    *common.WRITE_LOCK,
)
LOADING: tuple[Cut, ...] = (*common.CUTS, TOP_UP, SPECIAL, MAKE_DIRECT, MAKE_SHADOW, SYNC, LOAD, *FLUSH)
UNLOAD = Cut(
    function=functions.KVM_MMU_UNLOAD,
    reason="gives all roots of a vCPU up, by role.swept-roots; of which is looked at",
    elsewhere=("*", kvm_mmu.MMU, kvm_mmu_page.STRUCT),
)
SET_UP = Cut(
    function=functions.KVM_INIT_MMU,
    reason="sets the MMU in use up, by setup.consistent; of which vCPU is looked at",
    elsewhere=("*", kvm_mmu.MMU),
)
RESETS: tuple[Cut, ...] = (*common.CUTS, UNLOAD, SET_UP)
