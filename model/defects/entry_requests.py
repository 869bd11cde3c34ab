"""Defects of what is done for the MMU before a guest runs."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.entry_requests import EntryRequest, GuestSwitch
from mmuproof.model.reference.entry_requests import ReferenceEntryRequests
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bit, boolean

_X86_C, _NESTED_C = "arch/x86/kvm/x86.c", "arch/x86/kvm/vmx/nested.c"
_SYNC = r"if \(kvm_check_request\(KVM_REQ_MMU_SYNC, vcpu\)\)\s+kvm_mmu_sync_roots\(vcpu\);"
_ALL = r"kvm_vcpu_flush_tlb_all\(vcpu\);"
_FLUSH = rf"if \(kvm_check_request\(KVM_REQ_TLB_FLUSH, vcpu\)\)(?:\s+{_ALL}| \{{\s+{_ALL}[^}}]*\}})"
_SERVE = r"kvm_service_local_tlb_flush_requests\(vcpu\);"


class _SyncIgnored(ReferenceEntryRequests):
    def _serves(self, request: EntryRequest) -> Bool:
        return boolean(request is not EntryRequest.SYNC)


class _LocalIgnored(ReferenceEntryRequests):
    def _serves(self, request: EntryRequest) -> Bool:
        return boolean(request not in (EntryRequest.FLUSH_CURRENT, EntryRequest.FLUSH_GUEST))


class _FlushFirst(ReferenceEntryRequests):
    def _flushes_early(self, asked: BitVec) -> Bool:
        return all_of(bit(asked, EntryRequest.FLUSH.value), bit(asked, EntryRequest.SYNC.value))


class _RootTaken(ReferenceEntryRequests):
    def _looks_for_root(self) -> Bool:
        return FALSE


class _NotAskedAgain(ReferenceEntryRequests):
    def _asks_again(self) -> Bool:
        return FALSE


class _SeenLate(ReferenceEntryRequests):
    def _is_seen(self) -> Bool:
        return FALSE


class _KeptAtEntry(ReferenceEntryRequests):
    def _serves_before(self, switch: GuestSwitch) -> Bool:
        return boolean(switch is not GuestSwitch.ENTRY)


class _KeptAtExit(ReferenceEntryRequests):
    def _serves_before(self, switch: GuestSwitch) -> Bool:
        return boolean(switch is not GuestSwitch.EXIT)


class _ExitFlushesNothing(ReferenceEntryRequests):
    def _flushes_at_exit(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceEntryRequests]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, entry_requests=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "entry-forgets-sync",
        "A vCPU is asked to synchronize its root, and runs its guest with the root as it is.",
        _X86_C,
        _SYNC,
        "",
        _with(_SyncIgnored),
    ),
    defect(
        "entry-forgets-own-flushes",
        "What a vCPU has asked of itself to flush is not flushed before its guest runs.",
        _X86_C,
        rf"(KVM_REQ_LOAD_MMU_PGD, vcpu\)\)[\s\S]*?){_SERVE}",
        r"\1",
        _with(_LocalIgnored),
    ),
    defect(
        "entry-flushes-first",
        "A vCPU flushes, and then synchronizes its root and loads it.",
        _X86_C,
        rf"({_SYNC})([\s\S]*?)({_FLUSH})",
        r"\3\2\1",
        _with(_FlushFirst),
    ),
    defect(
        "entry-without-root",
        "A guest runs where no root could be made.",
        _X86_C,
        r"r = kvm_mmu_reload\(vcpu\);\s+if \(unlikely\(r\)\)(?= \{?\s+goto cancel_injection)",
        "r = kvm_mmu_reload(vcpu);\n\tif (0)",
        _with(_RootTaken),
    ),
    defect(
        "entry-asks-no-more",
        "What others ask of a vCPU while it gets ready is not seen before its guest runs.",
        _X86_C,
        r"if \(kvm_vcpu_exit_request\(vcpu\)\)(?= \{\s+vcpu->mode)",
        "if (0)",
        _with(_NotAskedAgain),
    ),
    defect(
        "entry-seen-late",
        "A vCPU asks for the last time what there is to do before others can see that they have to interrupt it.",
        _X86_C,
        r"smp_store_release\(&vcpu->mode, IN_GUEST_MODE\);",
        "",
        _with(_SeenLate),
    ),
    defect(
        "nested-entry-keeps-requests",
        "What L1 has to be flushed is flushed with the tag of L2.",
        _NESTED_C,
        rf"{_SERVE}(\s+(?:evaluate_pending_interrupts|if \(!vcpu->arch\.nested_run_pending))",
        r"\1",
        _with(_KeptAtEntry),
    ),
    defect(
        "nested-exit-flushes-nothing",
        "L1 may use what was cached for L2, which had no VPID.",
        _NESTED_C,
        r"nested_vmx_transition_tlb_flush\(vcpu, vmcs12, false\);",
        "",
        _with(_ExitFlushesNothing),
    ),
    defect(
        "nested-exit-keeps-requests",
        "What L2 has to be flushed is flushed with the tag of L1.",
        _NESTED_C,
        rf"{_SERVE}(\s+(?:/\*(?:[^*]|\*(?!/))*\*/\s+)?if \(enable_ept)",
        r"\1",
        _with(_KeptAtExit),
    ),
)
