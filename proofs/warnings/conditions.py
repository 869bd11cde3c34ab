"""What KVM's own assertions need of those who call the functions that hold them, as a table.

An assertion that does not hold of every input holds under a condition.  Who calls the function has to guarantee
it: of a caller that is lifted that is proved, or is a finding; of others it is taken for granted, and said here.
`docs/warnings.md` shows this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool

MMU_C, MMU_H = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu.h"
SPTE_C, SPTE_H = "arch/x86/kvm/mmu/spte.c", "arch/x86/kvm/mmu/spte.h"
VMX_H, PAGING = "arch/x86/include/asm/vmx.h", "arch/x86/kvm/mmu/paging_tmpl.h"
PAGE_TRACK_C = "arch/x86/kvm/mmu/page_track.c"
TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
KVM_MAIN_C = "virt/kvm/kvm_main.c"
X86_C, NESTED_VMX_C = "arch/x86/kvm/x86.c", "arch/x86/kvm/vmx/nested.c"


@dataclass(frozen=True, kw_only=True)
class CallerCondition:
    """What an assertion needs.

    Args:
        function: the function that holds the assertion.
        file: where it is defined.
        needs: the condition, in words.
        guaranteed: who guarantees it, and why.
        proved: the theorem that proves it of a caller, with the part of it; empty if nothing does.
    """

    function: str
    file: str
    needs: str
    guaranteed: str
    proved: str = ""

    @property
    def label(self) -> str:
        """What a report calls the assumption."""
        return f"{self.function}(): {self.needs}"

    def holds(self, term: Bool) -> Assumption:
        """The condition as an assumption."""
        return Assumption(self.label, term)


@dataclass(frozen=True)
class Needs:
    """What an assertion in a function of a file needs, of which `guaranteed` says who guarantees it."""

    function: str
    file: str
    needs: str

    def guaranteed(self, guaranteed: str, *, proved: str = "") -> CallerCondition:
        """The condition; see `CallerCondition`."""
        return CallerCondition(
            function=self.function, file=self.file, needs=self.needs, guaranteed=guaranteed, proved=proved
        )


L1TF_WIDTH = Needs(
    "kvm_mmu_reset_all_pte_masks", SPTE_C, "a processor with L1TF addresses its L1 cache with at most 46 bits"
).guaranteed("the processors that are affected")
GRANTS_SOMETHING = Needs("make_spte", SPTE_C, "in EPT the access grants something").guaranteed(
    "ept_sync_spte() drops what grants nothing, a walk grants what it was made for, direct roots grant all; "
    "ept_prefetch_gpte() does not ask: finding 2",
    proved="spte.no-warning (ept_sync_spte(), ept_prefetch_gpte(), a walk that succeeds), role.root-access",
)
NOT_RESERVED = Needs("make_spte", SPTE_C, "the SPTE has no bit that shadow_zero_check reserves").guaranteed(
    "the set-up of the MMU reserves none that make_spte() sets; but for a nested NPT of an L1 without "
    "EFER.NX: finding 4",
    proved="entry.shadow-reserved",
)
NO_HUGE_PAGE_WHEN_LOGGED = Needs(
    "make_spte", SPTE_C, "where writes are logged, a huge page is not writable"
).guaranteed(
    "kvm_mmu_hugepage_adjust() leaves level 1 there; pages are prefetched and synchronized at level 1 only",
    proved="spte.no-warning (kvm_mmu_hugepage_adjust())",
)
MMU_PRESENT = Needs("mark_spte_for_access_track", SPTE_C, "the SPTE is MMU-present").guaranteed(
    "make_spte() sets the bit; who ages SPTEs visits MMU-present ones only", proved="spte.no-warning (make_spte())"
)
WRITABLE_STATES = Needs(
    "check_spte_writable_invariants", SPTE_H, "W implies MMU-writable implies host-writable"
).guaranteed(
    "make_spte() makes it so, and whatever changes an SPTE keeps it",
    proved="spte.no-warning (make_spte()), spte.writable-states",
)
SAVED_SLOTS_CLEAR = Needs(
    "mark_spte_for_access_track", SPTE_C, "an SPTE that is not access-tracked has clear slots for saved permissions"
).guaranteed(
    "make_spte() leaves them clear, and restoring clears them", proved="tracking.saved-clear, tracking.round-trip"
)
LOW_HALF = Needs("permission_fault", MMU_H, "the low half of the error code has only P, W, U and F").guaranteed(
    "the callers make it of these; what comes from hardware is finding 1"
)
PAGE_WALK_LEVEL = Needs("vmx_eptp_page_walk_level", VMX_H, "EPTP asks for 4 or 5 levels").guaranteed(
    "nested_vmx_check_eptp() refuses others before the nested MMU is set up",
    proved="spte.no-warning (nested_vmx_check_eptp())",
)
NOT_IN_SMM = Needs("kvm_calc_shadow_ept_root_page_role", MMU_C, "the vCPU is not in system-management mode").guaranteed(
    "KVM leaves VMX operation on an SMI and re-enters it behind RSM"
)
IN_GUEST_MODE = Needs("kvm_init_shadow_npt_mmu", MMU_C, "the vCPU is in guest mode").guaranteed(
    "nested_vmcb02_prepare_control() enters it first"
)
LONG_MODE_HAS_PAE = Needs("kvm_calc_cpu_role", MMU_C, "long mode comes with CR4.PAE").guaranteed(
    "the processor's rule, which KVM's checks of CR0, CR4 and EFER keep; but for an L2 of nested SVM: finding 19",
    proved="role.registers",
)
LEAF_PAGE = Needs("ept_get_level1_sp_gpa", PAGING, "the shadow page is of level 1").guaranteed(
    "only such pages are ever out of sync"
)
HAD_AN_SPTE = Needs("ept_sync_spte", PAGING, "there is an SPTE, and the shadow page notes what it maps").guaranteed(
    "kvm_sync_spte() skips empty entries; only direct pages have no notes, and they are never synchronized"
)

SUPPRESSES_VE = Needs(
    "is_ept_ve_possible", SPTE_H, "in EPT the SPTE suppresses #VE, so that what is stored in its place does"
).guaranteed("every value that KVM stores has the bit", proved="spte.ve-suppressed, lifecycle.* (suppress-ve)")
TDP_AD_TYPE = Needs(
    "clear_dirty_gfn_range",
    TDP_MMU_C,
    "in the TDP MMU an SPTE needs write protection for the dirty log exactly if the processor has no A/D bits",
).guaranteed(
    "make_spte() takes the A/D type from role.ad_disabled; pages of L2, which are others, are not in the TDP MMU",
    proved="lifecycle.* (ad-type)",
)
NO_MIRROR = Needs("kvm_tdp_mmu_age_spte", TDP_MMU_C, "the page table is no mirror of a trust domain's").guaranteed(
    "the private memory of trust domains is not aged"
)
ABOVE_4K = Needs("make_huge_spte", SPTE_C, "what is made has level 2 or more").guaranteed(
    "recover_huge_pages_range() makes nothing else"
)
REFERENCED_PAGE = Needs("mmu_spte_clear_track_bits", MMU_C, "before 7.x: a page that is mapped is in use").guaranteed(
    "the MMU notifiers zap SPTEs before a page is given back"
)
LOADED_ROOT = Needs("is_tdp_mmu", "arch/x86/kvm/mmu/tdp_mmu.h", "on 6.1: the vCPU has a root").guaranteed(
    "kvm_mmu_page_fault() asks first"
)
CACHES_MMIO = Needs("make_mmio_spte", SPTE_C, "before 7.x: MMIO SPTEs are made at all").guaranteed(
    "kvm_handle_noslot_fault() asks first"
)
SETTLED_GENERATION = Needs(
    "kvm_mmu_invalidate_mmio_sptes", MMU_C, "the generation is not that of an update that goes on"
).guaranteed("kvm_swap_active_memslots() clears the flag first")
VALID_PARENT = Needs("kvm_mmu_child_role", MMU_C, "the page above is valid").guaranteed(
    "an invalid root is not used for faults"
)
ONLY_LEAVES_BELOW = Needs(
    "kvm_mmu_child_role", MMU_C, "below tables of 4-byte entries there are pages of level 1 only"
).guaranteed("the guest has two levels; the page directories are made with the root")
ROOT_HAS_ROLE = Needs(
    "vmx_load_mmu_pgd", "arch/x86/kvm/vmx/vmx.c", "the root's page has the levels and the A/D bits of its MMU's role"
).guaranteed("a root is allocated with that role, and dropped when it changes")

CONDITIONS: tuple[CallerCondition, ...] = (
    L1TF_WIDTH,
    GRANTS_SOMETHING,
    NOT_RESERVED,
    NO_HUGE_PAGE_WHEN_LOGGED,
    MMU_PRESENT,
    WRITABLE_STATES,
    SAVED_SLOTS_CLEAR,
    LOW_HALF,
    PAGE_WALK_LEVEL,
    NOT_IN_SMM,
    IN_GUEST_MODE,
    LONG_MODE_HAS_PAE,
    LEAF_PAGE,
    HAD_AN_SPTE,
    SUPPRESSES_VE,
    TDP_AD_TYPE,
    NO_MIRROR,
    ABOVE_4K,
    REFERENCED_PAGE,
    LOADED_ROOT,
    CACHES_MMIO,
    SETTLED_GENERATION,
    VALID_PARENT,
    ONLY_LEAVES_BELOW,
    ROOT_HAS_ROLE,
)
"""All of them, in the order of the table."""


@dataclass(frozen=True)
class Assertion:
    """One assertion of lifted code that `spte.no-warning` does not decide; a function that holds several has several.

    Args:
        function: the function that holds it.
        file: where it is defined.
        says: what it asserts; or the theorem that decides it.
        since: the first series that is known to have it, of one that not all have.
    """

    function: str
    file: str
    says: str
    since: str = ""


DECIDED_ELSEWHERE: tuple[Assertion, ...] = (
    Assertion("vmx_get_exit_qual", "arch/x86/kvm/vmx/vmx.h", "exit.ept-violation"),
    Assertion("nested_ept_inject_page_fault", NESTED_VMX_C, "exit.injected-qualification"),
    Assertion("npf_interception", "arch/x86/kvm/svm/svm.c", "exit.npf"),
    Assertion("nested_svm_inject_npf_exit", "arch/x86/kvm/svm/nested.c", "exit.injected-npf"),
    Assertion("reset_shadow_zero_bits_mask", MMU_C, "role.root-shadow"),
    *(
        Assertion(f"{entries}_{function}", PAGING, "walk.sync")
        for entries in ("paging64", "paging32")
        for function in ("sync_spte", "get_level1_sp_gpa")
    ),
    # Of a list of one SPTE, and of one with descriptors.
    Assertion("pte_list_remove", MMU_C, "stored.list-remove"),
    Assertion("pte_list_remove", MMU_C, "stored.list-remove"),
)
"""Assertions that other theorems decide, for whatever the hardware can report and the guest can ask for."""

UNDECIDED: tuple[Assertion, ...] = (
    Assertion("vcpu_enter_guest", X86_C, "an interrupt whose end userspace waits for has a number below 256"),
    Assertion("vcpu_enter_guest", X86_C, "a vCPU's APIC is virtualized exactly if its VM's are"),
    Assertion("kvm_vcpu_reset", X86_C, "a vCPU that is new has no registers yet"),
    Assertion("kvm_vcpu_reset", X86_C, "a vCPU that is reset runs no L2, and is not in system-management mode"),
    Assertion("vmx_flush_pml_buffer", "arch/x86/kvm/vmx/vmx.c", "the processor logs addresses of pages"),
    Assertion("nested_vmx_write_pml_buffer", NESTED_VMX_C, "L1's log is written for an access of L2"),
    Assertion("nested_vmx_write_pml_buffer", NESTED_VMX_C, "L2 does not go on while L1's log is full"),
    Assertion("load_vmcs12_host_state", NESTED_VMX_C, "L1 can have the value of its performance control register"),
    Assertion(
        "kvm_warn_on_nested_run_pending", "arch/x86/kvm/x86.h", "L2 does not exit before it has been run", since="7.2"
    ),
    Assertion("kvm_mmu_commit_zap_page", MMU_C, "a page that is freed was given up, and is no root in use"),
    Assertion("handle_changed_spte", TDP_MMU_C, "what is done for a change that is made cannot fail", since="7.2"),
    Assertion("kvm_handle_page_fault", MMU_C, "the error code of an exception has 32 bits", since="7.2"),
    Assertion("kvm_handle_page_fault", MMU_C, "the host has only matters of its own that are known"),
    Assertion("__kvm_mmu_create", MMU_C, "no mask of encryption is in use where tables have three levels"),
    Assertion("__direct_pte_prefetch", MMU_C, "who maps ahead without the guest's entries has a direct page"),
    Assertion("kvm_handle_hva_range", KVM_MAIN_C, "a range of addresses that goes away is not empty", since="7.2"),
    Assertion("kvm_mmu_invalidate_range_add", KVM_MAIN_C, "a range is told of while one goes away", since="7.2"),
    Assertion("kvm_mmu_invalidate_end", KVM_MAIN_C, "no more ranges end than have begun", since="7.2"),
    Assertion("kvm_mmu_invalidate_end", KVM_MAIN_C, "a range that ends was told of", since="7.2"),
    Assertion(
        "kvm_mmu_notifier_invalidate_range_end", KVM_MAIN_C, "no more notifiers end than have begun", since="7.2"
    ),
    Assertion("kvm_rmap_zap_gfn_range", MMU_C, "what is found of a range are slots with frames of it"),
    Assertion("kvm_tdp_mmu_alloc_root", TDP_MMU_C, "a root that is listed with the vCPU's role can be held"),
    Assertion("enter_smm", "arch/x86/kvm/smm.c", "DR7 can be set to its fixed value", since="7.2"),
    Assertion("is_unsync_root", MMU_C, "a root that is in use has a page, or is one of the special ones"),
    Assertion(
        "kvm_arch_pre_set_memory_attributes", MMU_C, "only VMs with private memory change attributes", since="6.12"
    ),
    Assertion("kvm_arch_pre_set_memory_attributes", MMU_C, "a range of attributes has a frame", since="6.12"),
    Assertion(
        "kvm_arch_post_set_memory_attributes",
        MMU_C,
        "only VMs with private memory have changed attributes",
        since="6.12",
    ),
    Assertion("kvm_max_level_for_order", MMU_C, "guest memory comes in pages of the sizes of levels", since="7.2"),
    Assertion("kvm_mmu_zap_collapsible_spte", MMU_C, "an entry of a reverse map is present", since="7.2"),
    Assertion("shadow_mmu_try_split_huge_pages", MMU_C, "where the TDP MMU is used, only pages for L2 are on lists"),
    Assertion("shadow_mmu_try_split_huge_pages", MMU_C, "an entry on a list above the lowest level maps a huge page"),
    Assertion("shadow_mmu_try_split_huge_pages", MMU_C, "pages above the lowest level are not out of sync"),
    Assertion("shadow_mmu_try_split_huge_pages", MMU_C, "an entry of a reverse map is present", since="7.2"),
    Assertion("kvm_mmu_mark_parents_unsync", MMU_C, "an entry that leads to a page is present", since="7.2"),
    Assertion("kvm_zap_obsolete_pages", MMU_C, "a page that was given up is on no list of pages"),
    Assertion("kvm_mmu_zap_all", MMU_C, "a page that was given up is on no list of all pages"),
    Assertion("kvm_tdp_page_prefault", MMU_C, "a fault that is made up is answered as others are", since="7.2"),
    Assertion("kvm_tdp_mmu_map_private_pfn", MMU_C, "VMs with private memory have the TDP MMU", since="7.2"),
    Assertion("prepare_vmcs02_rare", NESTED_VMX_C, "a list of MSRs to be stored has room for one more", since="7.2"),
    Assertion("hv_tlb_flush_enqueue", "arch/x86/kvm/hyperv.c", "a list takes what it has room for", since="7.2"),
    Assertion("clear_unsync_child_bit", MMU_C, "an entry that is no longer noted was counted"),
    Assertion("mmu_pages_first", MMU_C, "the first page that is found is the one from which it was searched"),
    Assertion("mmu_pages_clear_parents", MMU_C, "each step of the way up to the root is known"),
    Assertion("tdp_mmu_zap_root", TDP_MMU_C, "who zaps a root holds it"),
    Assertion("__kvm_inject_emulated_page_fault", X86_C, "what is injected as a page fault is one"),
    Assertion("kvm_handle_invpcid", X86_C, "INVPCID is intercepted for all without TDP only", since="7.2"),
    Assertion("kvm_mmu_free_guest_mode_roots", MMU_C, "the MMU of L1 itself is not one of an L2"),
    Assertion("kvm_mmu_unload", MMU_C, "an MMU whose roots are given up has none in use"),
    Assertion("kvm_mmu_unload", MMU_C, "an MMU of an L2 whose roots are given up has none in use"),
    Assertion("kvm_mmu_write_protect_fault", MMU_C, "what is taken for MMIO is written to as such"),
    Assertion("kvm_recover_nx_huge_pages", MMU_C, "only tables in the place of huge pages are in the list of such"),
    Assertion("kvm_recover_nx_huge_pages", MMU_C, "only tables without guest tables behind them are in it"),
    Assertion("mmu_free_root_page", MMU_C, "a root that is freed has a page, or is one of the special ones"),
    Assertion("mmu_try_to_unsync_pages", MMU_C, "writes to tables above the lowest level are tracked: finding 24"),
    Assertion("__kvm_write_track_add_gfn", PAGE_TRACK_C, "writers are counted from the first shadowed table on"),
    Assertion("__kvm_write_track_remove_gfn", PAGE_TRACK_C, "who has been counted was counted"),
    Assertion(
        "update_gfn_write_track", PAGE_TRACK_C, "a count of writers has room, and what is taken back was counted"
    ),
    Assertion("kvm_tdp_mmu_zap_possible_nx_huge_page", TDP_MMU_C, "the page is one of the TDP MMU", since="7.2"),
    Assertion("kvm_tdp_mmu_zap_possible_nx_huge_page", TDP_MMU_C, "the page is no root", since="7.2"),
    Assertion(
        "kvm_tdp_mmu_zap_possible_nx_huge_page", TDP_MMU_C, "the entry that leads to the page leads there", since="7.2"
    ),
    Assertion("direct_page_fault", MMU_C, "no fault of direct tables meets the root for a guest's bad one"),
    Assertion("kvm_mmu_invalidate_addr", MMU_C, "roots that are named are roots of a vCPU", since="6.12"),
    Assertion("kvm_sync_page_check", MMU_C, "only pages that the MMU can make anew are asked about", since="6.12"),
    Assertion("kvm_zap_gfn_range", MMU_C, "a range has a frame"),
    Assertion("kvm_arch_async_page_ready", MMU_C, "no fault on private memory waits", since="6.12"),
    Assertion("kvm_mmu_find_shadow_page", MMU_C, "a page that may be out of sync is looked for on behalf of a vCPU"),
    Assertion("shadow_walk_init_using_root", MMU_C, "a walk begins at a root"),
    Assertion("__handle_changed_spte", TDP_MMU_C, "a level is one of five"),
    Assertion("__handle_changed_spte", TDP_MMU_C, "a level is one of a table"),
    Assertion("__handle_changed_spte", TDP_MMU_C, "the first frame of an entry is a multiple of its pages"),
    Assertion("__handle_changed_spte", TDP_MMU_C, "a page that is mapped gets no other frame before it is zapped"),
    Assertion("__handle_changed_spte", TDP_MMU_C, "what is not present before and after is MMIO or frozen"),
    Assertion("__handle_changed_spte", TDP_MMU_C, "a table gets no other place before it is zapped"),
    Assertion("kvm_tdp_mmu_invalidate_roots", TDP_MMU_C, "roots that are given up are not given up again", since="7.2"),
    Assertion("kvm_tdp_mmu_zap_invalidated_roots", TDP_MMU_C, "only roots that are given up are zapped as such"),
    Assertion("tdp_mmu_root_match", TDP_MMU_C, "some valid roots are meant", since="7.2"),
    Assertion("write_protect_gfn", TDP_MMU_C, "there is a page of the lowest level that is write-protected"),
    Assertion(
        "kvm_gfn_range_filter_to_root_types", "arch/x86/kvm/mmu/tdp_mmu.h", "a range is of some memory", since="7.2"
    ),
    Assertion("handle_invept", NESTED_VMX_C, "INVEPT is of a type that L1 has been offered"),
    Assertion(
        "mmu_invalidate_retry_gfn", "include/linux/kvm_host.h", "a range that is taken away has bounds", since="6.12"
    ),
    Assertion("nested_vmx_transition_tlb_flush", NESTED_VMX_C, "L2 has a VPID only where KVM has"),
    Assertion("tdp_mmu_iter_cond_resched", TDP_MMU_C, "a walk is never behind where it is to go on"),
    Assertion("kvm_tdp_mmu_put_root", TDP_MMU_C, "the last to hold a root lets it go after it has been given up"),
    Assertion("svm_flush_tlb_all", "arch/x86/kvm/svm/svm.c", "where Hyper-V flushes, it is asked instead"),
    Assertion("direct_map", MMU_C, "the walk comes to the level of the fault"),
    Assertion("tdp_mmu_map_handle_target_level", TDP_MMU_C, "the level is that of the fault"),
    Assertion("tdp_mmu_map_handle_target_level", TDP_MMU_C, "where the access is allowed the frame has not changed"),
    Assertion("tdp_mmu_map_handle_target_level", TDP_MMU_C, "what is stored in place of a leaf needs no flush"),
    Assertion("mmu_set_spte", MMU_C, "only where guest tables are shadowed a present SPTE gets another frame"),
    Assertion("mmu_set_spte", MMU_C, "what had no mapping was not mapped already"),
    Assertion("mmu_spte_set", MMU_C, "what was present has been zapped before"),
    Assertion("__set_spte", MMU_C, "an entry that links a page does not let #VE happen"),
    Assertion("__link_shadow_page", MMU_C, "a page is linked above level 1 only"),
    Assertion("__link_shadow_page", MMU_C, "a page that is in sync has no children that are not"),
    Assertion("tdp_mmu_iter_set_spte", TDP_MMU_C, "the walk has not given way since it read the entry"),
    Assertion("mmu_alloc_root", MMU_C, "a quadrant goes with entries of 4 bytes"),
    Assertion("mmu_alloc_root", MMU_C, "a direct page does not go with entries of 4 bytes"),
    Assertion("kvm_mmu_faultin_pfn", MMU_C, "the fault's GFN is no alias: what makes a fault clears such bits"),
    Assertion("kvm_mmu_faultin_pfn", MMU_C, "a memory slot gives a frame or an error"),
    Assertion("kvm_mmu_free_roots", MMU_C, "the TDP MMU leaves no pages to be freed"),
    Assertion("mmu_alloc_special_roots", MMU_C, "the tables above a PAE root are there together, and only with TDP"),
    Assertion("mmu_alloc_shadow_roots", MMU_C, "an entry of the table of 4 is empty"),
    Assertion("mmu_alloc_direct_roots", MMU_C, "an entry of the table of 4 is empty"),
    Assertion("mmu_alloc_direct_roots", MMU_C, "a root of a direct MMU has 4 or 5 levels, or 3"),
    Assertion("handle_mmio_page_fault", MMU_C, "no SPTE on the way has a reserved bit, but one of MMIO"),
    Assertion("update_gfn_disallow_lpage_count", MMU_C, "a count stays below the flag of a mixed range"),
    Assertion("kvm_mmu_page_fault", MMU_C, "a vCPU that faults has a root"),
    Assertion("kvm_mmu_page_fault", MMU_C, "MMIO is not private"),
    Assertion("kvm_mmu_page_fault", MMU_C, "the handler of a fault leaves no SPTE that is stale"),
    Assertion("kvm_mmu_page_fault", MMU_C, "the handler of a fault comes to an end"),
    Assertion("kvm_tdp_mmu_map", TDP_MMU_C, "a vCPU that faults has a valid root"),
    Assertion("kvm_tdp_mmu_map", TDP_MMU_C, "pages of a mirror are small"),
    Assertion("kvm_tdp_mmu_map", TDP_MMU_C, "a walk that ends early is not at the level of the fault"),
    *(
        Assertion(f"{entries}_fetch", PAGING, needs)
        for entries in ("ept", "paging64", "paging32")
        for needs in (
            "the fault's frame is that to which the guest's tables have led",
            "a vCPU that faults has a valid root",
            "the walk comes to the level of the fault",
        )
    ),
    *(
        Assertion(f"{entries}_page_fault", PAGING, "the fault is of a guest whose tables are shadowed")
        for entries in ("ept", "paging64", "paging32")
    ),
    Assertion("wrprot_gfn_range", TDP_MMU_C, "pages of a slot have one of three sizes"),
    Assertion("recover_huge_pages_range", TDP_MMU_C, "no writes are logged where small pages become huge"),
    Assertion("tdp_iter_start", "arch/x86/kvm/mmu/tdp_iter.c", "a walk begins at a root of up to 5 levels"),
    Assertion("svm_load_mmu_pgd", "arch/x86/kvm/svm/svm.c", "shadow paging uses no PCID"),
    Assertion("kvm_mmu_slot_apply_flags", X86_C, "of a slot's flags only dirty logging changes"),
    Assertion("is_root_usable", MMU_C, "a root that is kept has a page"),
    Assertion("kvm_mmu_new_pgd", MMU_C, "a root that is taken has a page"),
    Assertion("kvm_mmu_after_set_cpuid", MMU_C, "the vCPU has not run yet"),
    Assertion("__kvm_mmu_get_shadow_page", MMU_C, "the hash of shadow pages has been made"),
    Assertion("paging64_walk_addr_generic", PAGING, "long mode comes with CR4.PAE"),
    Assertion("paging32_walk_addr_generic", PAGING, "long mode comes with CR4.PAE"),
    Assertion("ept_walk_addr_generic", PAGING, "long mode comes with CR4.PAE"),
    Assertion("kvm_fetch_guest_virt", X86_C, "a fetch stays inside a page"),
    Assertion("kvm_cpu_cap_clear", "arch/x86/kvm/cpuid.h", "capabilities are changed only while they are set up"),
    Assertion("kvm_cpu_cap_set", "arch/x86/kvm/cpuid.h", "capabilities are changed only while they are set up"),
    Assertion(
        "vmx_adjust_secondary_exec_control",
        "arch/x86/kvm/vmx/vmx.c",
        "what CPUID can switch is supported for nested guests",
    ),
    Assertion("vmx_hardware_setup", "arch/x86/kvm/vmx/vmx.c", "the host does not use BNDCFGS"),
    Assertion(
        "calc_preemption_timer_max_value", "arch/x86/kvm/vmx/vmx.c", "the ratio of CPUID leaf 15H is not 0", since="7.3"
    ),
    Assertion(
        "prepare_vmcs02",
        NESTED_VMX_C,
        "the guest's control of performance counters can be loaded, which has been checked",
    ),
    Assertion(
        "nested_vmx_eptp_switching",
        NESTED_VMX_C,
        "L1 lets L2 switch EPTPs only where it has EPT on, which VM entry checks",
    ),
    Assertion("svm_free_nested", "arch/x86/kvm/svm/nested.c", "no vCPU runs in the VMCB of an L2 that is freed"),
    Assertion(
        "nested_evmcs_check_controls", "arch/x86/kvm/vmx/hyperv.c", "the upper half of the VM-function controls is 0"
    ),
)
"""Assertions of functions that other theorems lift and that nothing decides: they rest on state of other code."""
