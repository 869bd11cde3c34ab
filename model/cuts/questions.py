"""The calls that are not followed when somebody asks a question of their own.

Unlike the lists of the areas, this one is made for no question in particular: a result may be anything that the
function can give at all, and every reason stands whatever is asked.  A function that a question calls by name is
followed nevertheless, if the unit has it.
"""

from __future__ import annotations

from mmuproof.lift.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.cuts.sptes import GET_MT_MASK

ASSUME = Cut("mmuproof_assume", "what a property takes for granted")
"""The call by which a property says so; its argument is the condition."""

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    ASSUME,
    GET_MT_MASK,
    Cut("cpuid_ebx", "a number that the host's CPUID gives", repeatable=True),
    Cut("native_read_msr", "what a model-specific register of the host holds", repeatable=True),
    Cut("kvm_is_mmio_pfn", "whether a page frame is MMIO of the host: any answer"),
    Cut("__kvm_is_mmio_pfn", "whether a page frame is MMIO of the host: any answer"),
    Cut("mmu_try_to_unsync_pages", "whether a page must stay write-protected: any answer; marks pages as unsync"),
    Cut("mark_page_dirty_in_slot", "marks a page in the dirty log, which no question can see"),
    Cut("kvm_track_host_mmio_mapping", "notes for the VM that host MMIO is mapped"),
    Cut("root_to_sp", "finds the root's shadow page, if there is one; reads only"),
    Cut("kvm_vcpu_can_access_host_mmio", "reads a note about the root: any answer"),
    Cut("kvm_x86_get_rflags", "reads the guest's RFLAGS, any value; fills only the register cache"),
    Cut("kvm_x86_cache_reg", "fetches a register of the guest, any value", writes=((0, "arch.cr0"),)),
    Cut("kvm_x86_tdp_has_smep", "whether MBEC or GMET is on: any answer"),
    Cut("kvm_mmu_get_tdp_level", "the level of the root that KVM builds: any"),
    Cut("kvm_mmu_new_pgd", "finds or drops the root of the new tables; changes roots and requests"),
    Cut("sptep_to_sp", "finds the page that an SPTE is in; reads only"),
    Cut("vmcs_readl", "a field of the VMCS, the same for one field", repeatable=True),
    Cut("vmcs_read64", "a field of the VMCS, the same for one field", repeatable=True),
)
