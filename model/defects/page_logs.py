"""Defects of what is done with logs of pages."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.page_logs import ENTRIES
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.page_logs import ReferencePageLogs
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, ule

_VMX_C, _NESTED_C = "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/vmx/nested.c"
_ROOM = r"vmcs12->guest_pml_index >= (PML_\w+)"


class _FirstLeft(ReferencePageLogs):
    def _lowest_of_full(self) -> BitVec:
        return bv(1, 32)


class _IndexKept(ReferencePageLogs):
    def _resets(self) -> Bool:
        return FALSE


class _OneTooMany(ReferencePageLogs):
    def _fits(self, index: BitVec) -> Bool:
        return ule(index, ENTRIES)


class _WithOffset(ReferencePageLogs):
    def _logged(self, gpa: BitVec) -> BitVec:
        return gpa


class _Upwards(ReferencePageLogs):
    def _next(self, index: BitVec) -> BitVec:
        return index + 1


def _with(variant: type[ReferencePageLogs]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, page_logs=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "log-full-first-left",
        "Of a log that is full the page that was logged last is not marked.",
        _VMX_C,
        r"(pml_idx >= PML_\w+\) \?|if \(pml_idx >= PML_\w+\)\s+pml_idx =) 0",
        r"\1 1",
        _with(_FirstLeft),
    ),
    defect(
        "log-index-kept",
        "The processor goes on behind what KVM has read of its log, until it is full.",
        _VMX_C,
        r"(kvm_vcpu_mark_page_dirty\(vcpu, gpa >> PAGE_SHIFT\);\s+\}\s+(?:/\*[^/]*\*/\s+)?)"
        r"vmcs_write16\(GUEST_PML_INDEX, [^)]*\)?\);",
        r"\1",
        _with(_IndexKept),
    ),
    defect(
        "nested-log-one-too-many",
        "KVM writes behind L1's log.",
        _NESTED_C,
        _ROOM,
        r"vmcs12->guest_pml_index > \1",
        _with(_OneTooMany),
    ),
    defect(
        "nested-log-with-offset",
        "L1's log gets an address inside a page.",
        _NESTED_C,
        r"gpa &= ~0xFFFull;",
        "",
        _with(_WithOffset),
    ),
    defect(
        "nested-log-upwards",
        "L1's log is filled from below, and what it has there is lost.",
        _NESTED_C,
        r"vmcs12->guest_pml_index--;",
        "vmcs12->guest_pml_index++;",
        _with(_Upwards),
    ),
)
