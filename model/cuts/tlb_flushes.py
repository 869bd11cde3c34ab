"""The calls that flushing the TLB makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import asked_flushes, common, roots
from mmuproof.model.named import functions
from mmuproof.smt.terms import bv

BY_TABLES = Cut(
    function="ept_sync_context",
    reason="lets the processor forget what it has cached of tables of EPT; which is looked at",
)
POINTER = Cut(
    function="construct_eptp", reason="makes the EPTP that VM entry uses, by role.eptp: any; of which root is looked at"
)
OF_ALL_TABLES = Cut(
    function="ept_sync_global", reason="lets the processor forget what it has cached of all tables of EPT"
)
BY_VPID = Cut(
    function=functions.VPID_SYNC_CONTEXT,
    reason="lets the processor forget what it has cached with a VPID; which is looked at",
)
VMX: tuple[Cut, ...] = (*common.CUTS, *roots.PAGE_OF_ROOT, POINTER, BY_TABLES, OF_ALL_TABLES, BY_VPID)
"""For a processor with VMX."""
SVM: tuple[Cut, ...] = (
    *common.CUTS,
    *(
        Cut(
            function=name,
            gives=bv(1, 8),
            reason="what comes after looks at the processor's own generation, and gives the VMCB an ASID where its is "
            "another",
        )
        for name in ("is_sev_guest", "sev_guest")
    ),
    Cut(function="pre_sev_run", reason="gives an encrypted VM its ASID: any answer"),
)
"""For a processor with SVM, up to where the VMCB in use gets an ASID."""
REQUEST = asked_flushes.REQUEST
LOADED: tuple[Cut, ...] = (
    *common.CUTS,
    REQUEST,
    *common.each(
        "loads a VMCS, or what the processor needs for it: nothing is flushed there, and no processor is noted",
        functions.INNER_VMCS_WRITEL,
        "alternative_msr_write",
        functions.ARCH_STATIC_BRANCH,
        "get_cpu_entry_area",
        functions.NATIVE_IRQ_DISABLE,
        functions.NATIVE_IRQ_ENABLE,
        "vmcs_load",
    ),
    Cut(
        function="loaded_vmcs_clear",
        reason="lets the processor that has the VMCS give it back; the one that comes next is noted behind it",
        elsewhere=("*",),
    ),
)
"""For a VMCS that a processor loads."""
SYNC_ROOT = Cut(
    function=functions.KVM_MMU_SYNC_ROOTS,
    reason="synchronizes the root in use; that it is called is looked at",
    elsewhere=("*",),
)
SYNC_KEPT = Cut(
    function="kvm_mmu_sync_prev_roots",
    reason="synchronizes the roots of before; that it is called is looked at",
    elsewhere=("*",),
)
FLUSH = tuple(
    Cut(function=name, reason="lets the vendor's code flush; that it is called, and when, is looked at")
    for name in ("kvm_x86_flush_tlb_guest", "flush_tlb_guest")
)
FORGET_ASKED = Cut(
    function="kvm_hv_vcpu_purge_flush_tlb",
    reason="forgets what Hyper-V's hypercalls have asked for, which is done by then",
    elsewhere=("*",),
)
GUEST: tuple[Cut, ...] = (*common.CUTS, SYNC_ROOT, SYNC_KEPT, *FLUSH, FORGET_ASKED)
"""For what a guest sees."""
