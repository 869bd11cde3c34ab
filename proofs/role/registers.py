"""The registers from which KVM takes a guest's paging mode: every way in keeps them such as a processor can hold."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.guest_registers import LetIn, Register, Registers
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.expected_roles import CR0_FLAGS, CR4_FLAGS
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, bit, negate
from mmuproof.spec import paging_mode
from mmuproof.spec.paging_mode import ControlRegisters

_HELD = "the vCPU had such registers: each way in keeps them so, and KVM resets a vCPU to paging off"
_VMRUN = "L1 has paging on and EFER.SVME set: nested_svm_check_permissions()"
_DISABLED = "what L1 gives L2, EFER.LMA without EFER.LME"
_SVME_BIT = 12
_EFER_FLAGS = ((_SVME_BIT, "SVME"), (paging_mode.EFER_LMA_BIT, "LMA"), (paging_mode.EFER_LME_BIT, "LME"))


def _registers(held: Registers) -> ControlRegisters:
    return ControlRegisters(held.cr0, held.cr4, held.efer)


def _shown(name: str, held: Registers) -> tuple[Shown, ...]:
    return (
        Shown(f"{name} CR0", held.cr0, CR0_FLAGS),
        Shown(f"{name} CR4", held.cr4, CR4_FLAGS),
        Shown(f"{name} EFER", held.efer, _EFER_FLAGS),
    )


def _possible(held: Registers) -> Bool:
    registers = _registers(held)
    return all_of(registers.possible(), registers.enabled_before_active())


def _kept(let_in: LetIn, part: str, *assumptions: Assumption) -> Claim:
    after = _registers(let_in.after)
    active = all_of(let_in.accepted, bit(after.efer, paging_mode.EFER_LMA_BIT))
    return never(
        given(
            Assumption(_HELD, _possible(let_in.before)),
            *assumptions,
            shown=(*_shown("before", let_in.before), *_shown("asked", let_in.asked), *_shown("then", let_in.after)),
            evidence=let_in.evidence,
            part=part,
        ),
        Wrong(
            "lma-without-pae",
            all_of(active, negate(bit(after.cr4, paging_mode.CR4_PAE_BIT))),
            "The vCPU has EFER.LMA set and CR4.PAE clear: its role has the levels of long mode and entries of 4 bytes.",
        ).told("EFER.LMA without CR4.PAE", "SDM 5.1.2, APM 5.1: long mode needs CR4.PAE"),
        Wrong(
            "lma-without-lme",
            all_of(active, negate(bit(after.efer, paging_mode.EFER_LME_BIT))),
            "The vCPU has EFER.LMA set and EFER.LME clear.",
        ).told("EFER.LMA without EFER.LME", "SDM 5.1.1, APM 14.6.1: long mode is active only if it is enabled"),
        Wrong(
            "lma-without-paging",
            all_of(active, negate(bit(after.cr0, paging_mode.CR0_PG_BIT))),
            "The vCPU has EFER.LMA set and CR0.PG clear.",
        ).told("EFER.LMA without CR0.PG", "SDM 5.1.1, APM 14.6.1: long mode is active only while paging is on"),
    )


def _activates_what_is_disabled(entered: LetIn, *assumptions: Assumption) -> Claim:
    """VMRUN takes an EFER.LMA without EFER.LME for 0: with LME clear nothing else is checked of it."""
    after = _registers(entered.after)
    return never(
        given(
            Assumption(_HELD, _possible(entered.before)),
            *assumptions,
            shown=(*_shown("asked", entered.asked), *_shown("then", entered.after)),
            evidence=entered.evidence,
            part=_DISABLED,
        ),
        Wrong(
            "lma-without-lme",
            all_of(entered.accepted, bit(after.efer, paging_mode.EFER_LMA_BIT)),
            "L2 has EFER.LMA set, although L1 gives it EFER.LME clear; that CR4.PAE is set has not been checked.",
        ).told("EFER.LMA without EFER.LME", "APM 14.6.1, 15.5.1: long mode is active only if it is enabled"),
    )


def _kept_on_every_way(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    entered = kvm.guest_registers.enter_l2(vendor)
    if vendor is Vendor.AMD:
        before, asked = entered.before, _registers(entered.asked)
        running = all_of(bit(before.cr0, paging_mode.CR0_PG_BIT), bit(before.efer, _SVME_BIT))
        runs, fits = Assumption(_VMRUN, running), asked.enabled_before_active()
        yield _kept(entered, "what L1 gives L2", runs, Assumption("EFER.LMA comes with EFER.LME", fits))
        yield _activates_what_is_disabled(entered, runs, Assumption("EFER.LMA without EFER.LME", negate(fits)))
    else:
        yield _kept(entered, "what L1 gives L2")
    yield _kept(kvm.guest_registers.set_sregs(vendor), "what userspace sets")
    for register in Register:
        yield _kept(kvm.guest_registers.write(vendor, register), f"what the guest writes to {register.value}")


THEOREMS = (
    Theorem(
        name="role.registers",
        claim="Whoever gives a vCPU its registers, EFER.LMA comes with EFER.LME, CR0.PG and CR4.PAE: L1 for an L2 that "
        "it enters, userspace with KVM_SET_SREGS, and the guest itself.",
        source="SDM 5.1.1, 5.1.2; APM 5.1, 14.6.1",
        assumes=(
            _HELD,
            _VMRUN,
            "there is memory for what L2 needs: where there is none, KVM_SET_SREGS leaves EFER as it was and loads the "
            "rest (AMD)",
            "EFER is kept among the MSRs that VMX switches: every 64-bit processor has it",
            "nobody else gives a vCPU registers: what RSM and the exit from L2 load is read, and KVM_SET_MSRS may "
            "clear EFER.LME alone, on which no role depends",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_kept_on_every_way),
        catches=(
            Catch("l2-long-mode-without-pae", "lma-without-pae"),
            Catch("vmcs12-long-mode-without-pae", "lma-without-pae"),
            Catch("sregs-long-mode-without-pae", "lma-without-pae"),
            Catch("cr4-loses-pae-in-long-mode", "lma-without-pae"),
            Catch("efer-write-sets-lma", "lma-without-pae"),
            Catch("svm-unpaged-keeps-lma", "lma-without-pae"),
        ),
    ),
)
