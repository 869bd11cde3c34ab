"""What cuts say that their functions write is held against the bodies of a real kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.cli.prove.running import run
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.errors import Missing
from mmuproof.lift.machine.doubts import left_out
from mmuproof.lift.tree.source import open_source
from mmuproof.model.edits import SourceEdit
from mmuproof.model.kvm import NotThere
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.obligation import Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.spec.hardware import Hardware
from tests.kernels import kernel_at, opened_kernel

pytestmark = pytest.mark.kernel

_POINTER = "called through a pointer, or a static call that is one"
_OUTSIDE = "defined in no unit that is parsed"
_ELSEWHERE = "defined in a unit that is not parsed for the area that calls it"
_HOLDERS = ("gva_to_gpa", "get_pdptr", "inject_page_fault", "kvm_x86_", "sync_spte")
NOT_READ = {
    **dict.fromkeys(
        (
            "arch.guest_mmu.get_pdptr",
            "arch.nested_mmu.get_pdptr",
            "arch.root_mmu.get_pdptr",
            "get_pdptr",
            "gva_to_gpa",
            "kvm_x86_cache_reg",
            "kvm_x86_cancel_injection",
            "kvm_x86_enable_irq_window",
            "kvm_x86_enter_smm",
            "kvm_x86_flush_tlb_current",
            "kvm_x86_flush_tlb_guest",
            "kvm_x86_flush_tlb_gva",
            "kvm_x86_free_external_spt",
            "kvm_x86_get_cpl",
            "kvm_x86_get_cs_db_l_bits",
            "kvm_x86_get_mt_mask",
            "kvm_x86_get_nmi_mask",
            "kvm_x86_get_rflags",
            "kvm_x86_gmem_max_mapping_level",
            "kvm_x86_nested_get_nested_state_pages",
            "kvm_x86_nested_leave_nested",
            "kvm_x86_nested_translate_nested_gpa",
            "kvm_x86_nested_triple_fault",
            "kvm_x86_nested_write_log_dirty",
            "kvm_x86_post_set_cr3",
            "kvm_x86_prepare_switch_to_guest",
            "kvm_x86_recalc_intercepts",
            "kvm_x86_reload_vmsa",
            "kvm_x86_set_cr0",
            "kvm_x86_set_cr4",
            "kvm_x86_set_efer",
            "kvm_x86_set_external_spte",
            "kvm_x86_set_gdt",
            "kvm_x86_set_idt",
            "kvm_x86_set_interrupt_shadow",
            "kvm_x86_set_nmi_mask",
            "kvm_x86_sync_pir_to_irr",
            "kvm_x86_tdp_has_smep",
            "kvm_x86_update_cpu_dirty_logging",
            "kvm_x86_update_exception_bitmap",
            "kvm_x86_vcpu_after_set_cpuid",
            "kvm_x86_vcpu_reset",
            "kvm_x86_vcpu_run",
            "sync_spte",
            "vcpu.arch.guest_mmu.gva_to_gpa",
        ),
        _POINTER,
    ),
    **dict.fromkeys(
        (
            "___ratelimit",
            "__cond_resched_rwlock_read",
            "__cond_resched_rwlock_write",
            "__free_pages",
            "__kfifo_in",
            "__kfifo_out",
            "__kvm_migrate_timers",
            "__kvm_xen_has_interrupt",
            "__mmuproof_exchange_user",
            "__mmuproof_get_user",
            "__vcalloc_noprof",
            "_find_next_bit",
            "_printk",
            "_raw_read_lock",
            "_raw_read_unlock",
            "_raw_spin_lock",
            "_raw_write_lock",
            "_raw_write_unlock",
            "alloc_pages_noprof",
            "avic_hardware_setup",
            "avic_init_vmcb",
            "call_rcu",
            "cr4_read_shadow",
            "do_trace_read_msr",
            "do_trace_write_msr",
            "free_pages",
            "get_cpu_entry_area",
            "get_zeroed_page_noprof",
            "gfn_to_hva_memslot_prot",
            "gfn_to_pfn_cache_invalidate_start",
            "interval_tree_iter_first",
            "interval_tree_iter_next",
            "kstrtobool",
            "kvm_apic_accept_events",
            "kvm_apic_accept_pic_intr",
            "kvm_apic_set_base",
            "kvm_apic_set_version",
            "kvm_check_async_pf_completion",
            "kvm_clear_async_pf_completion_queue",
            "kvm_cpu_has_extint",
            "kvm_dirty_ring_check_request",
            "kvm_gmem_get_pfn",
            "kvm_gpc_deactivate",
            "kvm_lapic_reset",
            "kvm_lapic_sync_from_vapic",
            "kvm_lapic_sync_to_vapic",
            "kvm_lapic_update_cr8_intercept",
            "kvm_mediated_pmu_load",
            "kvm_pmu_deliver_pmi",
            "kvm_pmu_handle_event",
            "kvm_pmu_refresh",
            "kvm_set_posted_intr_wakeup_handler",
            "kvm_setup_async_pf",
            "memcmp",
            "mutex_lock",
            "mutex_unlock",
            "pre_sev_run",
            "rcuwait_wake_up",
            "set_memory_decrypted",
            "switch_fpu_return",
            "sysfs_streq",
            "vfree",
            "xa_find",
            "xa_find_after",
        ),
        _OUTSIDE,
    ),
    **dict.fromkeys(
        (
            "__kvm_faultin_pfn",
            "__kvm_inject_emulated_page_fault",
            "__vmx_set_segment",
            "cpuid_query_maxguestphyaddr",
            "gfn_to_hva_memslot_prot",
            "kvm_add_user_return_msr",
            "kvm_apicv_activated",
            "kvm_arch_has_noncoherent_dma",
            "kvm_calc_nested_tsc_offset",
            "kvm_can_do_async_pf",
            "kvm_configure_mmu",
            "kvm_emulate_instruction",
            "kvm_find_async_pf_gfn",
            "kvm_find_user_return_msr",
            "kvm_flush_remote_tlbs",
            "kvm_flush_remote_tlbs_memslot",
            "kvm_flush_remote_tlbs_range",
            "kvm_gfn_is_write_tracked",
            "kvm_hv_process_stimers",
            "kvm_hv_set_cpuid",
            "kvm_hv_vcpu_flush_tlb",
            "kvm_hv_xsaves_xsavec_maybe_warn",
            "kvm_init_mmu",
            "kvm_init_shadow_ept_mmu",
            "kvm_init_shadow_npt_mmu",
            "kvm_initialize_cpu_caps",
            "kvm_invalidate_pcid",
            "kvm_io_bus_write",
            "kvm_make_all_cpus_request",
            "kvm_make_vcpus_request_mask",
            "kvm_mmu_after_set_cpuid",
            "kvm_mmu_free_guest_mode_roots",
            "kvm_mmu_free_obsolete_roots",
            "kvm_mmu_free_roots",
            "kvm_mmu_gva_to_gpa_write",
            "kvm_mmu_invalidate_end",
            "kvm_mmu_invalidate_range_add",
            "kvm_mmu_invalidate_start",
            "kvm_mmu_invpcid_gva",
            "kvm_mmu_max_mapping_level",
            "kvm_mmu_memory_cache_alloc",
            "kvm_mmu_new_pgd",
            "kvm_mmu_page_fault",
            "kvm_mmu_reset_context",
            "kvm_mmu_set_ept_masks",
            "kvm_mmu_set_me_spte_mask",
            "kvm_mmu_sync_prev_roots",
            "kvm_mmu_sync_roots",
            "kvm_mmu_unload",
            "kvm_page_track_create_memslot",
            "kvm_prefetch_pages",
            "kvm_range_has_memory_attributes",
            "kvm_read_guest",
            "kvm_release_page_dirty",
            "kvm_set_dr",
            "kvm_set_rflags",
            "kvm_set_segment",
            "kvm_setup_xss_caps",
            "kvm_skip_emulated_instruction",
            "kvm_tdp_mmu_alloc_root",
            "kvm_tdp_mmu_map",
            "kvm_unmap_gfn_range",
            "kvm_vcpu_gfn_to_hva",
            "kvm_vcpu_gfn_to_memslot",
            "kvm_vcpu_is_visible_gfn",
            "kvm_vcpu_mark_page_dirty",
            "kvm_vcpu_read_guest_atomic",
            "kvm_vcpu_read_guest_page",
            "kvm_vcpu_write_guest",
            "kvm_write_guest_page",
            "mark_page_dirty_in_slot",
            "mmu_try_to_unsync_pages",
            "nested_ept_inject_page_fault",
            "nested_vmcb02_recalc_intercepts",
            "process_smi",
            "set_cr4_guest_host_mask",
            "spte_to_child_pt",
            "tdp_iter_next",
            "tdp_iter_start",
            "vmx_emulation_required",
            "vmx_ept_load_pdptrs",
            "vmx_set_cr0",
            "vmx_set_cr4",
            "vmx_set_efer",
            "vmx_set_interrupt_shadow",
            "vmx_set_rflags",
            "x86_emulate_instruction",
        ),
        _ELSEWHERE,
    ),
}
"""The cuts of the catalogue of which no body is known on Linux 7.2, and why."""


@pytest.mark.long
def test_every_cut_is_checked_or_is_told_as_not_read(kernel_tree: Callable[[str], Path]) -> None:
    unchecked: dict[str, set[str]] = defaultdict(set)
    with kernel_at(kernel_tree("7.2")) as kvm:
        for theorem in THEOREMS:
            for vendor in theorem.vendors:
                try:
                    claims = theorem.state(kvm, vendor)
                except (NotThere, Missing):
                    continue
                for claim in (each.on(Hardware()) for each in claims):
                    assert list(left_out(claim.obligation.order)) == []
                    for cut in claim.case.evidence.cuts:
                        unchecked[cut.function].update(cut.unchecked)
        defined = {name for unit in kvm.units.parsed for name in unit.definitions}
    whole = {name for name, parts in unchecked.items() if "its body" in parts}
    assert whole == set(NOT_READ)
    for name in whole:
        assert (NOT_READ[name] == _ELSEWHERE) == (name in defined), name
        assert (NOT_READ[name] == _POINTER) == (name not in defined and any(each in name for each in _HOLDERS)), name


WRITES_MORE = SourceEdit(
    "arch/x86/kvm/mmu/mmu.c",
    r"(void update_pkru_bitmask\(struct kvm_mmu \*mmu\)\n\{\n(?:.*\n){4})",
    r"\1\tmmu->root_role.word = 0;\n",
)
"""`update_pkru_bitmask()` is cut where roles are looked at, for it writes none."""


def test_a_body_that_writes_more_than_its_cut_lists_is_an_error(kernel_tree: Callable[[str], Path]) -> None:
    (theorem,) = (each for each in THEOREMS if each.name == "role.root-tdp")
    with open_source(str(kernel_tree("7.2"))) as tree, opened_kernel(tree, [WRITES_MORE]) as kvm:
        task = Task(theorem, Vendor.INTEL)
        solver = Solver(lambda obligation, preferred: decide(obligation, preferred=preferred), satisfiable)
        (proved,) = run([task], kvm, solver, processes=1, watcher=Unwatched())
        result = proved.result
    assert result.verdict is Verdict.ERROR
    assert result.reason is not None
    assert "a cut says too little: vcpu->arch.root_mmu.root_role after update_pkru_bitmask()" in result.reason
    assert "which does not list what is written at arch/x86/kvm/mmu/mmu.c:" in result.reason
