"""Who is told of a page fault, in which order, and what is made of the answers."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.mmio_faults import FaultAnswered
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, Bool, all_of, any_of, bit, bv, iff, ite, ne, negate, slt
from mmuproof.spec.page_fault import RESERVED_FLAG

_LOW = 32


def _code(kvm: Kvm, fault: FaultAnswered) -> Bool:
    """Whether the handler is told of another error code than there is."""
    told, code = fault.fault.error_code, fault.error_code
    if not kvm.has(Feature.PRIVATE_ACCESS):
        # Kernels without private memory hand on the lower half, all that processors report.
        return ne(told & ((1 << _LOW) - 1), code & ((1 << _LOW) - 1))
    reserved = bit(code, RESERVED_FLAG)
    private = all_of(fault.private, negate(reserved))
    return ne(told, code | ite(private, bv(kvm.constant("PFERR_PRIVATE_ACCESS"), 64), 0))


def _answered(kvm: Kvm, _vendor: Vendor) -> Claim:
    it = kvm.mmio_faults.answered()
    mmio, fault, write = it.mmio, it.fault, it.write
    reserved = bit(it.error_code, RESERVED_FLAG)
    mmio_emulates, mmio_invalid = all_of(mmio.told, mmio.emulate), all_of(mmio.told, mmio.invalid)
    as_others = any_of(negate(reserved), mmio_invalid)
    by_write = all_of(write.told, write.emulate)
    by_fault = all_of(fault.told, fault.emulate)
    wanted = any_of(mmio_emulates, by_fault, by_write)
    last = ite(write.told, write.answer, ite(fault.told, fault.answer, mmio.answer))
    return never(
        given(
            Assumption("the MMU has a root, as kvm_mmu_reload() makes it", it.root),
            Assumption("a fault with RSVD is never one of private memory: KVM's own WARN", _no_private_mmio(kvm, it)),
            Assumption(
                "the MMU's handler says what is to be done: neither RET_PF_CONTINUE nor RET_PF_INVALID, KVM's own WARN",
                all_of(negate(fault.invalid), *(ne(each.answer, 0) for each in (fault, write))),
            ),
            Assumption(
                "what is asked about MMIO never says that a page is write-protected, and always something: mmio.fault",
                all_of(negate(mmio.protected), ne(mmio.answer, 0)),
            ),
            Assumption(
                "a write to a guest's table never fails: kvm_mmu_write_protect_fault() answers RET_PF_*",
                negate(slt(write.answer, 0)),
            ),
            shown=(
                Shown("error_code", it.error_code, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
                Shown("cr2_or_gpa", it.addr),
                Shown("handle_mmio_page_fault()", mmio.answer),
                Shown("kvm_mmu_do_page_fault()", fault.answer),
            ),
            evidence=it.evidence,
        ),
        Wrong(
            "mmio-not-asked",
            negate(iff(mmio.told, reserved)),
            "Whether a fault is one on MMIO is asked of faults without RSVD, or not of those with it.",
        ).told("the other way round", "KVM: reserved bits mark MMIO SPTEs, and the processor reports RSVD"),
        Wrong(
            "mmio-of-another",
            all_of(mmio.told, any_of(ne(mmio.addr, it.addr), negate(iff(it.mmio_direct, it.direct)))),
            "Whether a fault is one on MMIO is asked of another address, or of other tables.",
        ).told("another address", "KVM: the address that faulted, and whether guest tables stand behind"),
        Wrong(
            "not-handled",
            negate(iff(fault.told, as_others)),
            "The MMU's handler is told of a fault that is one on MMIO, or not of one that is none.",
        ).told("the other way round", "KVM's comment at RET_PF_INVALID: the fault is handled as any other"),
        Wrong(
            "handled-of-another",
            all_of(fault.told, any_of(ne(fault.addr, it.addr), _code(kvm, it))),
            "The MMU's handler is told of another address or error code.",
        ).told("another value", "KVM: those of the exit, and PFERR_PRIVATE_ACCESS by the frame's attributes"),
        Wrong(
            "write-of-another",
            all_of(write.told, any_of(negate(fault.protected), negate(fault.told), ne(write.addr, it.addr))),
            "A write to a guest's table is asked about where there was none, or for another address.",
        ).told("another fault", "KVM's comment at RET_PF_WRITE_PROTECTED"),
        Wrong(
            "emulated-unasked",
            all_of(it.emulated, negate(wanted)),
            "An instruction is emulated though nobody asked for it.",
        ).told("x86_emulate_instruction() is called", "KVM: RET_PF_EMULATE alone asks for it"),
        Wrong(
            "not-emulated",
            all_of(wanted, negate(it.emulated), negate(all_of(it.unprotects, negate(mmio_emulates)))),
            "An instruction is not emulated though it has to be.",
        ).told("it is run again, and faults for ever", "KVM: RET_PF_EMULATE"),
        Wrong(
            "emulated-elsewhere",
            all_of(it.emulated, any_of(ne(it.emulated_addr, it.addr), ne(it.result, it.emulation))),
            "An instruction is emulated for another address, or its answer is not handed on.",
        ).told("another value", "KVM: the address that faulted"),
        Wrong(
            "error-dropped",
            all_of(negate(it.emulated), slt(last, 0), negate(slt(it.result, 0))),
            "A fault that failed lets the guest go on.",
        ).told("no error is returned", "KVM: errors are handed to userspace"),
        Wrong(
            "guest-stopped",
            all_of(negate(it.emulated), negate(slt(last, 0)), negate(slt(bv(0, 32), it.result))),
            "A fault that has been handled leaves the guest, or fails.",
        ).told("the result is not positive", "KVM: a positive result lets the guest go on"),
    )


def _no_private_mmio(kvm: Kvm, it: FaultAnswered) -> Bool:
    if not kvm.has(Feature.PRIVATE_ACCESS):
        return TRUE
    private = ne(it.error_code & kvm.constant("PFERR_PRIVATE_ACCESS"), 0)
    return negate(all_of(bit(it.error_code, RESERVED_FLAG), private))


THEOREMS = (
    Theorem(
        name="fault.answered",
        claim="A fault with RSVD is asked first whether it is one on MMIO. It goes to the MMU's handler if it is "
        "none or outdated, as every other fault does, with its address and error code. An instruction is "
        "emulated exactly if one of those says so, and errors are handed on.",
        source="KVM's comments at RET_PF_* and in kvm_mmu_page_fault()",
        assumes=(
            "the MMU has a root",
            "no fault with RSVD is one of private memory, and the MMU's handler never answers RET_PF_CONTINUE or "
            "RET_PF_INVALID: KVM's own WARN and KVM_BUG_ON",
            "kvm_mmu_write_protect_fault() gives no error",
        ),
        state=alone(_answered),
        catches=(
            Catch("answered-mmio-outdated-retried", "not-handled"),
            Catch("answered-write-unasked", "emulated-unasked"),
        ),
    ),
)
