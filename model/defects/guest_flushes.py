"""Defects of what a guest has flushed."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.guest_flushes import ReferenceGuestFlushes
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool

_HYPERV_C, _NESTED_C, _X86_C = (f"arch/x86/kvm/{name}.c" for name in ("hyperv", "vmx/nested", "x86"))


class _ListUnjudged(ReferenceGuestFlushes):
    def _judged(self, _address: BitVec, _entry: BitVec) -> Bool:
        return TRUE


class _ListFirstJudged(ReferenceGuestFlushes):
    def _judged(self, address: BitVec, entry: BitVec) -> Bool:
        return super()._judged(entry & -(1 << 12), entry)


class _ListOneShort(ReferenceGuestFlushes):
    def _pages(self, entry: BitVec) -> BitVec:
        return super()._pages(entry) - 1


class _ListKeepsAll(ReferenceGuestFlushes):
    def _hands_on(self) -> Bool:
        return FALSE


class _VpidAnyAddress(ReferenceGuestFlushes):
    def _unfit(self, _address: BitVec) -> Bool:
        return FALSE


class _VpidNotDeferred(ReferenceGuestFlushes):
    def _defers(self) -> Bool:
        return FALSE


class _VpidKeepsRoots(ReferenceGuestFlushes):
    def _gives_up(self) -> Bool:
        return FALSE


class _PcidUnjudged(ReferenceGuestFlushes):
    def _judges_pcid(self) -> Bool:
        return FALSE


class _PcidKeepsAll(ReferenceGuestFlushes):
    def _flushes_all(self) -> Bool:
        return FALSE


class _ListCutOff(ReferenceGuestFlushes):
    def _fits(self, _count: BitVec, _room: BitVec) -> Bool:
        return TRUE


class _AllAskedBySet(ReferenceGuestFlushes):
    def _is_all_at_once(self) -> Bool:
        return FALSE


class _AskedOfFirst(ReferenceGuestFlushes):
    def _is_found(self) -> Bool:
        return FALSE


class _L2AskedAsL1(ReferenceGuestFlushes):
    def _is_filled_of_l2(self) -> Bool:
        return FALSE


class _EntriesUnread(ReferenceGuestFlushes):
    def _is_read(self) -> Bool:
        return FALSE


def _flushes(variant: type[ReferenceGuestFlushes]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, guest_flushes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "listed-flush-unjudged",
        "The processor is told to flush addresses of Hyper-V's list that are not canonical.",
        _HYPERV_C,
        r"if \(is_noncanonical_invlpg_address\(gva \+ j \* PAGE_SIZE, vcpu\)\)\s+continue;",
        "",
        _flushes(_ListUnjudged),
    ),
    defect(
        "listed-flush-first-judged",
        "Of an entry of Hyper-V's list only the first address is judged.",
        _HYPERV_C,
        r"is_noncanonical_invlpg_address\(gva \+ j \* PAGE_SIZE, vcpu\)",
        "is_noncanonical_invlpg_address(gva, vcpu)",
        _flushes(_ListFirstJudged),
    ),
    defect(
        "listed-flush-one-short",
        "The last page of an entry of Hyper-V's list is not flushed.",
        _HYPERV_C,
        r"\(entries\[i\] & ~PAGE_MASK\) \+ 1",
        "(entries[i] & ~PAGE_MASK)",
        _flushes(_ListOneShort),
    ),
    defect(
        "listed-flush-all-forgotten",
        "That all is to be flushed, by Hyper-V's list, is not handed on.",
        _HYPERV_C,
        r"return -ENOSPC;(\s*\}\s*static u64 kvm_hv_flush_tlb\()",
        r"return 0;\1",
        _flushes(_ListKeepsAll),
    ),
    defect(
        "invvpid-any-address",
        "INVVPID takes an address that is not canonical, and hands it to the processor.",
        _NESTED_C,
        r"if \(type == VMX_VPID_EXTENT_INDIVIDUAL_ADDR &&\s+is_noncanonical_invlpg_address\(operand\.gla, vcpu\)\)",
        "if (0)",
        _flushes(_VpidAnyAddress),
    ),
    defect(
        "invvpid-not-deferred",
        "INVVPID flushes nothing where L2 has run on another processor.",
        _NESTED_C,
        r"(if \(cpu != vmx->nested\.vmcs02\.cpu\)\s+)vmx->nested\.last_vpid = 0;",
        r"\1;",
        _flushes(_VpidNotDeferred),
    ),
    defect(
        "invvpid-keeps-roots",
        "INVVPID leaves what shadows L2's tables as it was, without EPT.",
        _NESTED_C,
        r"if \(!enable_ept\)\s+kvm_mmu_free_guest_mode_roots\(vcpu->kvm, &vcpu->arch\.root_mmu\);"
        r"(\s+return nested_vmx_succeed\(vcpu\);\s*\}\s*static int nested_vmx_eptp_switching)",
        r"\1",
        _flushes(_VpidKeepsRoots),
    ),
    defect(
        "invpcid-unjudged",
        "INVPCID of all of a PCID takes one where the guest has turned PCIDs off.",
        _X86_C,
        r"if \(!pcid_enabled && \(operand\.pcid != 0\)\) \{",
        "if (0) {",
        _flushes(_PcidUnjudged),
    ),
    defect(
        "invpcid-all-forgotten",
        "INVPCID of all PCIDs flushes nothing.",
        _X86_C,
        r"kvm_make_request\(KVM_REQ_TLB_FLUSH_GUEST, vcpu\);"
        r"(\s+return kvm_skip_emulated_instruction\(vcpu\);\s+default:)",
        r"\1",
        _flushes(_PcidKeepsAll),
    ),
    defect(
        "listed-flush-cut-off",
        "Entries are put into a list that has no room for them, and those that do not fit are lost.",
        _HYPERV_C,
        r"if \(count && entries && count < kfifo_avail\(&tlb_flush_fifo->entries\)\)",
        "if (count && entries)",
        _flushes(_ListCutOff),
    ),
    defect(
        "asked-all-by-set",
        "Where a hypercall means all vCPUs, those are flushed that it names.",
        _HYPERV_C,
        r"all_cpus = \(flush\.flags & HV_FLUSH_ALL_PROCESSORS\) \|\|\s+flush\.processor_mask == 0;",
        "all_cpus = flush.processor_mask == 0;",
        _flushes(_AllAskedBySet),
    ),
    defect(
        "asked-of-first",
        "Of the vCPUs that a hypercall names, only the first 64 are flushed.",
        _HYPERV_C,
        r"for_each_set_bit\(i, vcpu_mask, KVM_MAX_VCPUS\)",
        "for_each_set_bit(i, vcpu_mask, 64)",
        _flushes(_AskedOfFirst),
    ),
    defect(
        "asked-l2-as-l1",
        "Where L2 has translations flushed, those of L1 are.",
        _HYPERV_C,
        r"((?:kvm_hv_get_tlb_flush_fifo\(v|hc->rep_cnt), )true\)",
        r"\1false)",
        _flushes(_L2AskedAsL1),
    ),
    defect(
        "asked-unread",
        "What is flushed is not what a hypercall says, since its entries could not be read.",
        _HYPERV_C,
        r"if \((kvm_hv_get_tlb_flush_entries\(kvm, hc, __tlb_flush_entries\))\)\s+return \w+;",
        r"\1;",
        _flushes(_EntriesUnread),
    ),
)
