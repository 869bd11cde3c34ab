"""Defects of how page faults are given to whoever's tables deny an access."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.evidence import Check, CheckKind
from mmuproof.model.reference.injected_faults import ReferenceInjectedFaults
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, BitVec, Bool, boolean, eq

_X86_C = "arch/x86/kvm/x86.c"
_HANDS_ON = r"(fault_\w+->inject_page_fault\(vcpu, fault, from_hardware\);)"


class _ForgetsReserved(ReferenceInjectedFaults):
    def _forgets(self, _not_reserved: Bool) -> Bool:
        return FALSE


class _ToWhoeverRuns(ReferenceInjectedFaults):
    def _goes_to(self, nested: bool) -> Bool:
        return boolean(not nested)


class _ForgetsUser(ReferenceInjectedFaults):
    def _stays(self, code: BitVec) -> Bool:
        return eq(code & self.constants.PFERR_USER_MASK, 0)


class _WaitsAsAnother(ReferenceInjectedFaults):
    def _waits(self, _asynchronous: Bool) -> Bool:
        return FALSE


class _TellsPage(ReferenceInjectedFaults):
    def _payload(self, address: BitVec) -> BitVec:
        return address & -(1 << self.constants.PAGE_SHIFT)


class _TellsLowByte(ReferenceInjectedFaults):
    def _code(self, code: BitVec) -> BitVec:
        return code & 0xF


class _NotWhole(ReferenceInjectedFaults):
    def _told(self) -> tuple[Check, ...]:
        return (Check(CheckKind.UNSET, f"{_X86_C}:1", FALSE, "kvm_inject_page_fault"),)


class _LowBitsTold(ReferenceInjectedFaults):
    def _of_processor(self, code: BitVec) -> BitVec:
        return code & 0xF


def _injects(variant: type[ReferenceInjectedFaults]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, injected_faults=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "injected-fault-stays-cached",
        "What is cached of an address stays where the guest is given a fault for it.",
        _X86_C,
        r"\(fault->error_code & PFERR_PRESENT_MASK\) &&\s+!\(fault->error_code & PFERR_RSVD_MASK\)",
        "0",
        _injects(_ForgetsReserved),
    ),
    defect(
        "injected-fault-to-whoever-runs",
        "L2 is given a fault of L1's tables.",
        _X86_C,
        _HANDS_ON,
        "vcpu->arch.walk_mmu->inject_page_fault(vcpu, fault, from_hardware);",
        _injects(_ToWhoeverRuns),
    ),
    defect(
        "injected-fault-of-supervisor",
        "A fault of a user-mode access is given as one of the supervisor's.",
        _X86_C,
        _HANDS_ON,
        r"fault->error_code &= ~PFERR_USER_MASK; \1",
        _injects(_ForgetsUser),
    ),
    defect(
        "reported-fault-not-whole",
        "Whether a fault that the processor has reported tells to wait for a page is left to chance.",
        _X86_C,
        r"fault\.async_page_fault = false;",
        "",
        _injects(_NotWhole),
    ),
    defect(
        "reported-fault-without-fetch",
        "Of the error code that the processor has reported the guest is told the lowest four bits.",
        _X86_C,
        r"fault\.error_code = error_code;",
        "fault.error_code = error_code & 0xf;",
        _injects(_LowBitsTold),
    ),
    defect(
        "queued-fault-waits-in-l2",
        "L2 is told to wait for a page, although L1 has to be.",
        _X86_C,
        r"if \(is_guest_mode\(vcpu\) && fault->async_page_fault\)",
        "if (0)",
        _injects(_WaitsAsAnother),
    ),
    defect(
        "queued-fault-of-page",
        "CR2 has the page's address, and not the one in it.",
        _X86_C,
        r"(kvm_queue_exception_e_p\(vcpu, PF_VECTOR, fault->error_code,\s+)fault->address\);",
        r"\1fault->address & PAGE_MASK);",
        _injects(_TellsPage),
    ),
    defect(
        "queued-fault-without-fetch",
        "A fault's error code has only its lowest four bits.",
        _X86_C,
        r"kvm_queue_exception_e_p\(vcpu, PF_VECTOR, fault->error_code,(\s+fault->address\);)",
        r"kvm_queue_exception_e_p(vcpu, PF_VECTOR, fault->error_code & 0xf,\1",
        _injects(_TellsLowByte),
    ),
)
