"""The registers that the processor runs a guest with, as a proof sees them, beside those that the guest has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.guest_registers import Register
from mmuproof.model.result_fields import counts_where
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool

OF_PAGING = {Register.CR0: 1 << 31 | 1 << 16, Register.CR4: 0x0072_10B0, Register.EFER: 1 << 11}
"""The bits that paging depends on: PG and WP; PSE, PAE, PGE, LA57, PCIDE, SMEP, SMAP and PKE; NXE."""


@dataclass(frozen=True, kw_only=True)
class RegisterRun:
    """What becomes of a register that a guest gets.

    Attributes:
        asked: what the guest gets, the bits that paging depends on (64).
        paging: the guest has paging on, with what it gets.
        with_tdp: EPT or nested paging is on, so that the processor walks the guest's own tables.
        any_mode: the processor runs a guest that has paging off without paging.
        told: the processor is told a value.
        hardware: which, the same bits (64).
        evidence: how it came about.
    """

    asked: BitVec
    paging: Bool
    with_tdp: Bool
    any_mode: Bool
    told: Bool
    hardware: BitVec = field(metadata=counts_where("told"))
    evidence: Evidence


class HardwareRegisters(ABC):
    """What a VMCS or a VMCB is told of a guest's control registers."""

    @abstractmethod
    def run(self, vendor: Vendor, register: Register) -> RegisterRun:
        """``vmx_set_cr0()``, ``vmx_set_cr4()`` and ``update_transition_efer()``, or what they are for SVM."""
