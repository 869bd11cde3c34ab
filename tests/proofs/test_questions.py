"""No predicate judges itself: what theorems ask the code for is judged by a claim of its own.

Implementations run functions of the tree that answer yes or no, and theorems take such answers for what is so.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

import mmuproof.model.lifted
from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Missing
from mmuproof.model.named import functions
from mmuproof.model.settings import Question
from mmuproof.proofs.catalogue import THEOREMS
from tests.kernels import kernel_at

_OWN_RESULT = "what it answers is what the theorem is about"
_WHO = "that it is called is what the theorem is about"
JUDGED_BY: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # What is on.
        "is_nx_huge_page_enabled": ("setting.nx-huge-pages", "the module's setting and the VM's"),
        "kvm_slot_dirty_track_enabled": ("setting.dirty-logging", "the slot's flags"),
        "kvm_mmu_page_ad_need_write_protect": ("setting.write-protection", "PML, and whose page it is"),
        "is_mirror_sp": ("setting.mirror", "the page's role"),
        "is_guest_mode": ("setting.modes", "the vCPU's flags"),
        "tdp_mmu_iter_cond_resched": ("loop.yield", "whether the lock was given up"),
        "kvm_memslots_have_rmaps": ("setting.reverse-maps", "which MMUs the VM uses"),
        "kvm_apicv_activated": ("fault.sought", "a VM's own choice: either answer is allowed"),
        "is_smm": ("setting.modes", "the vCPU's flags"),
        "mmu_has_mbec": ("entry.present", "bit 10 makes an entry present exactly with the MBEC that L1 asks for"),
        "vmx_tdp_has_smep": ("role.vendor-bit", "the bit of the VMCS"),
        "svm_tdp_has_smep": ("role.vendor-bit", "the bit of the VMCB"),
        "guest_cpu_cap_has": ("gating.advertised-only-when-on", "what the guest's CPUID is made of"),
        "kvm_cpu_cap_has": ("gating.advertised-only-when-on", "the host's feature and the module's setting"),
        "variable_test_bit": ("l1tf.not-present", "inline assembly: either answer of it is allowed everywhere"),
        "_static_cpu_has": ("spte.host-mmio", "a feature of the processor: either answer of it is allowed everywhere"),
        # What an SPTE is.
        "is_shadow_present_pte": ("layout.kinds-exclusive", "each kind of SPTE is of that kind and of no other"),
        "is_mmio_spte": ("layout.kinds-exclusive", "each kind of SPTE is of that kind and of no other"),
        "is_frozen_spte": ("layout.kinds-exclusive", "each kind of SPTE is of that kind and of no other"),
        "is_last_spte": ("layout.kinds-exclusive", "a leaf of each level is one"),
        "is_large_pte": ("layout.kinds-exclusive", "a huge leaf is one, and a link none"),
        "is_access_track_spte": ("tracking.round-trip", "restoring gives the permissions back"),
        "is_accessed_spte": ("spte.aging", "the bit that the processor sets"),
        "is_writable_pte": ("spte.fast-fault", "the SPTE that is fixed permits writes"),
        "is_mmu_writable_spte": ("spte.fast-fault", "write tracking is not overruled"),
        "spte_ad_enabled": ("spte.accessed-dirty", "who has A/D bits of whom the processor sets them"),
        "spte_ad_need_write_protect": ("spte.dirty-logging", "writes are logged"),
        # The subjects of theorems.
        "kvm_is_visible_memslot": ("setting.visible-slot", _OWN_RESULT),
        "kvm_mmu_is_dummy_root": ("role.dummy-root", _OWN_RESULT),
        "kvm_tdp_mmu_age_gfn_range": ("loop.roots", _OWN_RESULT),
        "kvm_tdp_mmu_test_age_gfn": ("loop.roots", _OWN_RESULT),
        "page_fault_can_be_fast": ("slot.fast-fault", _OWN_RESULT),
        "hugepage_has_attrs": ("slot.attributes-compared", _OWN_RESULT),
        "kvm_arch_pre_set_memory_attributes": ("slot.attributes-set", _OWN_RESULT),
        "kvm_arch_post_set_memory_attributes": ("slot.attributes-mixed", _WHO),
        "kvm_mmu_remote_flush_or_zap": ("role.given-up", _OWN_RESULT),
        "__kvm_mmu_prepare_zap_page": ("role.given-up", _WHO),
        "__walk_slot_rmaps": ("flush.slot-walk", _OWN_RESULT),
        "kvm_rmap_zap_gfn_range": ("slot.gone", _OWN_RESULT),
        "__kvm_rmap_zap_gfn_range": ("slot.handed-on", _OWN_RESULT),
        "kvm_vcpu_write_protect_gfn": ("slot.handed-on", _OWN_RESULT),
        "direct_pte_prefetch_many": ("stored.ahead", _WHO),
        "__is_bad_mt_xwr": ("entry.misconfig", _OWN_RESULT),
        "__is_rsvd_bits_set": ("entry.reserved-ept", _OWN_RESULT),
        "vcpu_match_mmio_gpa": ("mmio.remembered", _OWN_RESULT),
        "vcpu_match_mmio_gva": ("mmio.remembered", _OWN_RESULT),
        "check_mmio_spte": ("mmio.generation-wrap", _OWN_RESULT),
        "is_access_allowed": ("spte.permission-table", _OWN_RESULT),
        "is_executable_pte": ("exec-only.tracking", _OWN_RESULT),
        "is_rsvd_spte": ("entry.shadow-reserved", _OWN_RESULT),
        "nested_vmcb_check_save": ("role.registers", _OWN_RESULT),
        "nested_vmx_check_eptp": ("spte.no-warning", _OWN_RESULT),
        "kvm_sync_page_check": ("walk.synced-page", _OWN_RESULT),
        "detect_write_misaligned": ("walk.written", _OWN_RESULT),
        "__kvm_mmu_unprotect_gfn_and_retry": ("walk.unprotected", _OWN_RESULT),
        "kvm_may_have_shadow_mmu_sptes": ("slot.aged", "the VM's count of tables, and whether the TDP MMU is in use"),
        "kvm_gfn_is_write_tracked": ("slot.written-table", _OWN_RESULT),
        "is_page_fault_stale": ("fault.out-of-date", _OWN_RESULT),
        "update_transition_efer": ("role.run-registers", "the register that the processor runs the guest with"),
        "nested_svm_is_exception_vmexit": ("fault.routed", _OWN_RESULT),
        "nested_vmx_is_exception_vmexit": ("fault.routed", _OWN_RESULT),
        # Operations, whose results say whether something was changed.
        "get_mmio_spte": ("mmio.found", _OWN_RESULT),
        "kvm_arch_setup_async_pf": ("fault.later", _OWN_RESULT),
        "__rmap_clear_dirty": ("spte.flush", _OWN_RESULT),
        "ept_prefetch_gpte": ("walk.ahead", _OWN_RESULT),
        "fast_pf_fix_direct_spte": ("stored.value", _OWN_RESULT),
        "kvm_mmu_prefetch_sptes": ("walk.ahead", _OWN_RESULT),
        "kvm_rmap_age_gfn_range": ("spte.aging", _OWN_RESULT),
        "make_spte": ("spte.permissions", _OWN_RESULT),
        "rmap_write_protect": ("spte.flush", _OWN_RESULT),
        "kvm_zap_all_rmap_sptes": ("stored.list-emptied", _OWN_RESULT),
        "tdp_mmu_zap_leafs": ("spte.flush", _OWN_RESULT),
        "write_protect_gfn": ("spte.flush", _OWN_RESULT),
        # Of these it is looked at who is called, and not what is answered.
        "kvm_mem_is_private": ("slot.unfaulted-level", _WHO),
        "is_pae_paging": ("role.new-root", _WHO),
        "kvm_vcpu_is_legal_cr3": ("role.new-root", _WHO),
        "kvm_vcpu_is_legal_gpa": ("gating.accepted-eptp", _WHO),
        "kvm_mmu_zap_collapsible_spte": ("slot.swept", _WHO),
        "kvm_tdp_mmu_wrprot_slot": ("slot.swept", _WHO),
        "shadow_mmu_try_split_huge_pages": ("slot.swept", _WHO),
        "slot_rmap_write_protect": ("slot.swept", _WHO),
        "wrprot_gfn_range": ("spte.flush", _OWN_RESULT),
    }
)
"""By the function that answers: the theorem that judges the answer, and by what."""


def _named() -> set[str]:
    """Every word that the lifted implementation has in a string, whatever it does with it."""
    folder = Path(mmuproof.model.lifted.__file__).parent
    texts = (each.read_text("utf-8") for each in sorted(folder.rglob("*.py")))
    nodes = (node for text in texts for node in ast.walk(ast.parse(text)))
    words = {each.value for each in Question}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            words.add(node.value)
        # What has a name in the table of functions.
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "functions":
            words.add(str(getattr(functions, node.attr)))
    return words


@pytest.mark.kernel
@pytest.mark.long
def test_every_question_has_a_claim_of_its_own(kernel_tree: Callable[[str], Path]) -> None:
    asked: set[str] = set()
    with kernel_at(kernel_tree("7.2")) as kvm:
        for unit in kvm.every_unit():
            for name in _named() - asked:
                try:
                    function = unit.find_function(name)
                except Missing:
                    continue
                if function is not None and isinstance(function.result, IntType) and function.result.is_bool:
                    asked.add(name)
    assert asked == set(JUDGED_BY)


def test_the_claims_are_those_of_theorems() -> None:
    assert {theorem for theorem, _ in JUDGED_BY.values()} <= {theorem.name for theorem in THEOREMS}
