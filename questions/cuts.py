"""The calls that are not followed when somebody asks a question of their own.

Unlike the lists of the areas, this one is made for no question in particular: a result may be anything that the
function can give at all, and every reason stands whatever is asked.  A function that a question calls by name is
followed nevertheless, if the unit has it.
"""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.cuts.sptes import GET_MT_MASK
from mmuproof.model.named import functions

ASSUME = Cut(function="mmuproof_assume", reason="what a property takes for granted")
"""The call by which a property says so; its argument is the condition."""

MMIO_FRAME = ("kvm_is_mmio_pfn", "__kvm_is_mmio_pfn")
ONE_ANSWER = (*MMIO_FRAME, functions.SPTE_NEEDS_ATOMIC_UPDATE)
"""What says yes or no of a number, and says the same however often it is asked."""
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    ASSUME,
    GET_MT_MASK,
    Cut(function="cpuid_ebx", reason="a number that the host's CPUID gives", repeatable=True),
    Cut(function="native_read_msr", reason="what a model-specific register of the host holds", repeatable=True),
    *common.each("whether a page frame is MMIO of the host: any answer, the same for one frame", *MMIO_FRAME),
    Cut(
        function="mmu_try_to_unsync_pages",
        reason="whether a page must stay write-protected: any answer; marks pages as unsync",
    ),
    Cut(function="mark_page_dirty_in_slot", reason="marks a page in the dirty log, which no question can see"),
    Cut(function="kvm_track_host_mmio_mapping", reason="notes for the VM that host MMIO is mapped"),
    Cut(function="root_to_sp", reason="finds the root's shadow page, if there is one; reads only"),
    Cut(function="kvm_vcpu_can_access_host_mmio", reason="reads a note about the root: any answer"),
    Cut(function="kvm_x86_get_rflags", reason="reads the guest's RFLAGS, any value; fills only the register cache"),
    Cut(function="kvm_x86_cache_reg", reason="fetches a register of the guest, any value", writes=((0, "arch.cr0"),)),
    Cut(function="kvm_x86_tdp_has_smep", reason="whether MBEC or GMET is on: any answer"),
    Cut(function="nested_evmcs_check_controls", reason="whether an enlightened VMCS may have the controls: any answer"),
    Cut(function="kvm_mmu_get_tdp_level", reason="the level of the root that KVM builds: any"),
    Cut(function="kvm_mmu_new_pgd", reason="finds or drops the root of the new tables; changes roots and requests"),
    Cut(function="sptep_to_sp", reason="finds the page that an SPTE is in; reads only"),
    *common.each("keeps interrupts away, or lets them come", "arch_local_irq_disable", "arch_local_irq_enable"),
    Cut(function="vmcs_readl", reason="a field of the VMCS, the same for one field", repeatable=True),
    Cut(function="vmcs_read64", reason="a field of the VMCS, the same for one field", repeatable=True),
)

ELSEWHERE: tuple[Cut, ...] = (
    Cut(
        function=functions.SPTE_NEEDS_ATOMIC_UPDATE,
        reason="whether others may change an SPTE meanwhile: any answer, the same for one SPTE; reads only",
    ),
)
"""What is followed in the unit that has the body, and not in others."""
