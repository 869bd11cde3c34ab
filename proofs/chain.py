"""The chain from what a guest does to what the hardware allows it, step by step, with what is proved of each.

A step leads from one thing to another, by functions of KVM. A step of which no theorem speaks shows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How KVM gets from one thing to another.

    Args:
        start: what there is before.
        end: what is made of it.
        by: the functions that do it, of which the theorems speak; ``|`` stands between those of which a kernel has one.
        theorems: what is proved of it; empty if nothing is.
        missing: what is not proved of it; empty if that is nothing.
    """

    start: str
    end: str
    by: tuple[str, ...]
    theorems: tuple[str, ...]
    missing: str = ""


@dataclass(frozen=True)
class Chain:
    """Steps one after the other: each begins where one before it in the chain ends, or at its head.

    Args:
        says: what it leads from and to.
        steps: the steps.
    """

    says: str
    steps: tuple[Stage, ...]


CHAINS: tuple[Chain, ...] = (
    Chain(
        "From a guest's registers to the tables that the hardware uses",
        (
            Stage(
                start="what the guest or userspace writes to CR0, CR4 and EFER",
                end="the registers of the vCPU",
                by=("kvm_set_cr0", "kvm_set_cr4", "enter_smm"),
                theorems=("role.registers", "role.smm"),
                missing="RSM, and L1's state after an exit",
            ),
            Stage(
                start="the registers of the vCPU",
                end="the CPU role of an MMU",
                by=("kvm_calc_cpu_role",),
                theorems=("role.cpu", "role.fetch-flag"),
            ),
            Stage(
                start="the CPU role of an MMU",
                end="its table of permissions, and its reserved bits",
                by=("kvm_mmu_create", "update_permission_bitmask", "update_pkru_bitmask", "__reset_rsvds_bits_mask"),
                theorems=(
                    "permission.role-decides",
                    "permission.history-free",
                    "setup.created",
                    "setup.consistent",
                    "setup.formats",
                ),
            ),
            Stage(
                start="the CPU role of an MMU",
                end="the role of its root",
                by=(
                    "kvm_calc_tdp_mmu_root_page_role",
                    "kvm_init_mmu",
                    "kvm_init_shadow_ept_mmu",
                    "kvm_init_shadow_npt_mmu",
                ),
                theorems=("role.root-tdp", "role.root-shadow", "role.root-nested", "permission.nested-set-up"),
            ),
            Stage(
                start="the role of its root",
                end="the root in use",
                by=(
                    "kvm_mmu_new_pgd",
                    "nested_ept_init_mmu_context",
                    "nested_vmx_eptp_switching",
                    "nested_vmx_load_cr3",
                    "mmu_alloc_shadow_roots",
                    "mmu_alloc_special_roots",
                    "mmu_alloc_direct_roots",
                    "kvm_mmu_get_dummy_root",
                    "kvm_tdp_mmu_alloc_root|kvm_tdp_mmu_get_vcpu_root_hpa",
                ),
                theorems=(
                    "role.new-root",
                    "role.switched-eptp",
                    "role.root-reuse",
                    "role.made-roots",
                    "role.made-direct-roots",
                    "role.special-roots",
                    "role.dummy-root",
                    "role.tdp-root",
                ),
            ),
            Stage(
                start="the root in use",
                end="pages of SPTEs, linked with each other",
                by=(
                    "kvm_mmu_child_role",
                    "kvm_mmu_get_child_sp",
                    "kvm_mmu_find_shadow_page",
                    "make_nonleaf_spte",
                    "kvm_init_mmu",
                    "tdp_mmu_link_sp",
                ),
                theorems=(
                    "role.root-access",
                    "role.page-sharing",
                    "role.found-page",
                    "role.child-kept",
                    "spte.nonleaf",
                    "stored.link",
                ),
            ),
            Stage(
                start="the root in use",
                end="the address in EPTP",
                by=("construct_eptp", "vmx_load_mmu_pgd"),
                theorems=("role.eptp",),
            ),
            Stage(
                start="the root in use",
                end="the address in the VMCB's nested CR3, or in the guest's CR3",
                by=("svm_load_mmu_pgd", "vmx_load_mmu_pgd", "vmx_ept_load_pdptrs"),
                theorems=("role.loaded-cr3", "role.page-directory-pointers"),
                missing="the bit by which the host encrypts its own memory, which our configuration has not",
            ),
            Stage(
                start="the role of its root",
                end="MBEC in the VMCS, GMET in the VMCB",
                by=(
                    "vmx_secondary_exec_control",
                    "prepare_vmcs02_early",
                    "nested_vmcb02_prepare_control",
                    "__nested_copy_vmcb_control_to_cache",
                ),
                theorems=("role.vendor-bit", "gating.vmcs02", "gating.vmcb02", "gating.vmcb12-cache"),
            ),
        ),
    ),
    Chain(
        "From an access that faults to the value in the table",
        (
            Stage(
                start="an exit of the hardware",
                end="an error code",
                by=("handle_ept_violation|__vmx_handle_ept_violation", "npf_interception"),
                theorems=("exit.ept-violation", "exit.npf", "exit.npf-1218", "exit.device"),
            ),
            Stage(
                start="an error code",
                end="a struct kvm_page_fault",
                by=(
                    "kvm_mmu_page_fault",
                    "kvm_mmu_do_page_fault",
                    "kvm_arch_vcpu_pre_fault_memory",
                    "is_nx_huge_page_enabled",
                ),
                theorems=(
                    "fault.answered",
                    "fault.kind",
                    "fault.frame",
                    "fault.pre-fault",
                    "fault.asked-ahead",
                    "setting.nx-huge-pages",
                ),
            ),
            Stage(
                start="a struct kvm_page_fault",
                end="what the guest's own tables say",
                by=(
                    "FNAME(page_fault)",
                    "FNAME(walk_addr_generic)",
                    "FNAME(is_last_gpte)",
                    "FNAME(protect_clean_gpte)",
                    "FNAME(update_accessed_dirty_bits)",
                    "page_fault_handle_page_track",
                ),
                theorems=("walk.reached", "walk.granted", "walk.end", "walk.clean", "walk.flags", "fault.walked"),
            ),
            Stage(
                start="what the guest's own tables say",
                end="whether an entry ends the walk, and whether the access is allowed",
                by=(
                    "FNAME(is_present_gpte)",
                    "FNAME(gpte_access)",
                    "__is_rsvd_bits_set",
                    "permission_fault",
                    "reset_guest_paging_metadata",
                    "__reset_rsvds_bits_mask",
                ),
                theorems=(
                    "entry.present",
                    "entry.misconfig",
                    "entry.reserved-ept",
                    "entry.reserved-npt",
                    "entry.reserved-paging64",
                    "entry.reserved-pae",
                    "entry.reserved-paging32",
                    "acc.gpte-access",
                    "permission.ept",
                    "permission.ept-mbec",
                    "permission.npt",
                    "permission.npt-gmet",
                    "permission.paging",
                    "permission.pkeys",
                    "exec-only.fetch",
                    "exec-only.read",
                ),
            ),
            Stage(
                start="whether an entry ends the walk, and whether the access is allowed",
                end="the fault that is put into the guest, or what L1 is told",
                by=(
                    "permission_fault",
                    "FNAME(walk_addr_generic)",
                    "FNAME(page_fault)",
                    "__kvm_inject_emulated_page_fault|kvm_inject_emulated_page_fault",
                    "kvm_inject_page_fault",
                    "nested_ept_inject_page_fault",
                    "nested_svm_inject_npf_exit",
                ),
                theorems=(
                    "permission.error-code",
                    "walk.reported",
                    "walk.fetch-flag",
                    "walk.own-access",
                    "fault.walked",
                    "fault.injected",
                    "exit.injected-qualification",
                    "exit.injected-npf",
                ),
                missing="how a queued exception is delivered",
            ),
            Stage(
                start="a struct kvm_page_fault",
                end="a frame of a slot, or MMIO",
                by=(
                    "kvm_mmu_faultin_pfn|kvm_faultin_pfn",
                    "__kvm_mmu_faultin_pfn|__kvm_faultin_pfn",
                    "kvm_mmu_faultin_pfn_gmem|kvm_mmu_faultin_pfn_private",
                ),
                theorems=("mmio.no-slot", "fault.sought", "fault.host-asked", "fault.guest-memory"),
                missing="the frame that the host's tables have",
            ),
            Stage(
                start="a frame of a slot, or MMIO",
                end="the level that is mapped",
                by=(
                    "kvm_mmu_hugepage_adjust",
                    "kvm_mmu_max_mapping_level",
                    "update_gfn_disallow_lpage_count",
                    "disallowed_hugepage_adjust",
                    "lpage_info_slot",
                ),
                theorems=("slot.huge-page", "slot.huge-page-count", "slot.huge-page-avoided", "slot.index"),
            ),
            Stage(
                start="a frame of a slot, or MMIO",
                end="the fault for which it is mapped",
                by=(
                    "kvm_tdp_mmu_page_fault|direct_page_fault",
                    "direct_page_fault",
                    "FNAME(page_fault)",
                    "is_page_fault_stale",
                ),
                theorems=("fault.mapped", "fault.out-of-date"),
                missing="that mmu_lock is held meanwhile",
            ),
            Stage(
                start="the level that is mapped",
                end="the entry that is mapped",
                by=(
                    "kvm_tdp_mmu_map",
                    "direct_map",
                    "FNAME(fetch)",
                    "FNAME(gpte_changed)",
                    "tdp_iter_next",
                    "tdp_iter_start",
                ),
                theorems=(
                    "role.fault-root",
                    "loop.map",
                    "loop.fetch",
                    "walk.changed",
                    "loop.iterator",
                    "loop.iterator-start",
                ),
            ),
            Stage(
                start="the entry that is mapped",
                end="the arguments of make_spte()",
                by=("mmu_set_spte", "tdp_mmu_map_handle_target_level", "FNAME(sync_spte)", "FNAME(prefetch_gpte)"),
                theorems=("spte.page", "walk.sync", "walk.ahead"),
            ),
            Stage(
                start="the arguments of make_spte()",
                end="an SPTE",
                by=("make_spte", "vmx_get_mt_mask", "kvm_arch_register_noncoherent_dma"),
                theorems=(
                    "spte.permissions",
                    "spte.vendor-separation",
                    "spte.pfn",
                    "spte.memory-type",
                    "spte.nx-huge",
                    "spte.accessed-dirty",
                    "spte.writable-states",
                    "spte.ve-suppressed",
                    "spte.host-mmio",
                    "exec-only.spte",
                    "entry.shadow-reserved",
                    "lifecycle.made",
                    "spte.chosen-memory-type",
                    "spte.memory-type-followed",
                ),
            ),
            Stage(
                start="an SPTE",
                end="the entry in the table",
                by=("mmu_set_spte", "tdp_mmu_map_handle_target_level"),
                theorems=("stored.value", "stored.answer", "stored.translation"),
            ),
            Stage(
                start="the entry in the table",
                end="the same after KVM has changed it in place",
                by=(
                    "mmu_spte_update",
                    "make_small_spte",
                    "make_huge_spte",
                    "mark_spte_for_access_track",
                    "fast_page_fault",
                    "tdp_mmu_split_huge_page",
                    "tdp_mmu_zap_leafs",
                    "tdp_mmu_next_root",
                    "handle_removed_pt",
                    "mmu_page_zap_pte",
                    "wrprot_gfn_range",
                    "clear_dirty_gfn_range",
                    "kvm_mmu_slot_apply_flags",
                ),
                theorems=(
                    "lifecycle.changed",
                    "lifecycle.marked",
                    "lifecycle.split",
                    "lifecycle.collapse",
                    "lifecycle.fast-fault",
                    "interference.exchanged",
                    "interference.kept",
                    "loop.range",
                    "loop.roots",
                    "loop.zap",
                    "slot.logging",
                    "stored.removed",
                    "stored.each-entry",
                    "stored.split",
                    "spte.split",
                    "spte.collapse",
                    "spte.fast-fault",
                    "spte.write-protection",
                    "tracking.round-trip",
                ),
                missing="the other loops that choose the entries, and locks",
            ),
            Stage(
                start="the same after KVM has changed it in place",
                end="nothing in a TLB that it no longer allows",
                by=(
                    "mmu_spte_update",
                    "rmap_write_protect",
                    "mmu_set_spte",
                    "validate_direct_spte",
                    "kvm_zap_gfn_range",
                    "kvm_vcpu_flush_tlb_guest",
                    "vmx_flush_tlb_current",
                ),
                theorems=("spte.flush", "stored.flush-range", "flush.rmap", "flush.range", "flush.guest", "flush.tag"),
                missing="that a flush which is asked for and put off is made, and which CPUs it reaches",
            ),
        ),
    ),
    Chain(
        "From an access to MMIO to its emulation",
        (
            Stage(
                start="a GFN without memory",
                end="an MMIO SPTE",
                by=("make_mmio_spte",),
                theorems=("mmio.gfn-round-trip", "mmio.generation-round-trip", "l1tf.mmio"),
            ),
            Stage(
                start="an MMIO SPTE",
                end="an exit that KVM expects",
                by=("kvm_mmu_set_mmio_spte_mask", "kvm_mmu_set_ept_masks"),
                theorems=("mmio.faults",),
            ),
            Stage(
                start="an exit that KVM expects",
                end="the GFN again, if it still has no memory",
                by=(
                    "is_mmio_spte",
                    "check_mmio_spte",
                    "handle_mmio_page_fault",
                    "get_mmio_spte",
                    "shadow_walk_init",
                    "vcpu_match_mmio_gpa",
                ),
                theorems=(
                    "mmio.recognised",
                    "mmio.generation-wrap",
                    "mmio.fault",
                    "mmio.found",
                    "loop.shadow-walk",
                    "mmio.remembered",
                ),
            ),
        ),
    ),
    Chain(
        "From an access of L2 to a judgement by L1's tables",
        (
            Stage(
                start="an access of L2, or of KVM for it",
                end="an access to L1's tables",
                by=(
                    "translate_nested_gpa|vmx_translate_nested_gpa",
                    "svm_translate_nested_gpa",
                    "kvm_mmu_gva_to_gpa_read",
                ),
                theorems=(
                    "nested.one-stage-bit",
                    "nested.user-address",
                    "nested.gmet",
                    "nested.non-gmet-user",
                    "nested.structure-access",
                    "nested.linear-access",
                ),
            ),
            Stage(
                start="an access to L1's tables",
                end="allowed or not",
                by=("permission_fault",),
                theorems=("nested.judgement",),
            ),
        ),
    ),
)
"""The chains."""

BESIDE = (
    "flush.*",
    "walk.written",
    "walk.synced-page",
    "walk.followed",
    "walk.begun",
    "walk.unprotected",
    "walk.translated",
    "slot.logging-again",
    "slot.processor-log",
    "slot.nested-log",
    "slot.shadowed-table",
    "slot.written-table",
    "slot.unsynced-table",
    "slot.swept",
    "slot.handed-on",
    "slot.host-range",
    "slot.told-write",
    "stored.handed-on",
    "fault.handed-on",
    "slot.huge-page-recovered",
    "slot.nx-toggled",
    "slot.masked",
    "slot.fast-fault",
    "slot.unfaulted-level",
    "slot.aged",
    "slot.aged-list",
    "role.swept-roots",
    "role.freed-root",
    "role.released-roots",
    "role.dropped-root",
    "setup.created-vm",
    "role.synced-roots",
    "role.loaded-roots",
    "role.reloaded",
    "fault.later",
    "fault.routed",
    "slot.attributes-*",
    "stored.recovered",
    "loop.yield",
    "loop.bound",
    "stored.listed",
    "stored.list-*",
    "stored.collapsed",
    "stored.mirrored",
    "stored.unlinked",
    "role.given-up",
    "role.swept-pages",
    "walk.brought-up-to-date",
    "walk.children",
    "walk.noted-children",
    "stored.ahead",
    "stored.shadow-split",
    "loop.slot-walk",
    "slot.made",
    "slot.gone",
    "slot.page-size",
    "role.new-cpuid",
    "role.run-registers",
    "layout.*",
    "acc.one-to-one",
    "acc.in-bounds",
    "exec-only.tracking",
    "exec-only.misconfig",
    "spte.direct-execution",
    "setting.*",
    "spte.permission-table",
    "spte.dirty-logging",
    "spte.aging",
    "spte.no-warning",
    "tracking.not-present",
    "tracking.idempotent",
    "tracking.saved-clear",
    "lifecycle.enough",
    "mmio.mask-history-free",
    "l1tf.not-present",
    "l1tf.address-width",
    "gating.*",
)
"""The theorems that belong to no single step: on the format, what L1 is offered, states of an SPTE, and flushes."""
