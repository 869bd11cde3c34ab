"""What MMUs are told when a vCPU enters or leaves system-management mode, or gets another CPUID, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class SmmChanged:
    """What is done where a vCPU's system-management mode begins or ends.

    Attributes:
        begins: the mode begins; otherwise it ends.
        in_smm: the vCPU is in that mode then.
        resets: its MMUs are set up anew.
        ready: the mode is already as it will be when they are.
        own_pdptes: PDPTEs that userspace has set are used on, instead of the guest's.
        evidence: how it came about.
    """

    begins: bool
    in_smm: Bool
    resets: Bool
    ready: Bool = field(metadata=counts_where("resets"))
    own_pdptes: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SmmEntered:
    """How a vCPU enters system-management mode.

    Attributes:
        succeeds: it does; otherwise the VM ends.
        told: it is noted that the mode has begun.
        long_mode: the vCPU has long mode.
        cr0: what CR0 is set to (64).
        cr4: what CR4 is set to (64).
        efer: what EFER is set to, if the vCPU has long mode (64).
        loads: all of that is loaded.
        resets: MMUs are set up anew, after that.
        evidence: how it came about.
    """

    succeeds: Bool
    told: Bool
    long_mode: Bool
    cr0: BitVec = field(metadata=counts_where("loads"))
    cr4: BitVec = field(metadata=counts_where("loads"))
    efer: BitVec = field(metadata=counts_where("loads"))
    loads: Bool
    resets: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class CpuidSet:
    """What is known of a vCPU when its MMUs learn of another CPUID.

    Attributes:
        asked: how many bits a physical address has by that CPUID (32, signed).
        told: MMUs are told.
        width: how many it has by the vCPU then (32).
        reserved: the bits of an address that are reserved by the vCPU then (64).
        vendor_before: what the vendor has to change of them has been changed.
        evidence: how it came about.
    """

    asked: BitVec
    told: Bool
    width: BitVec = field(metadata=counts_where("told"))
    reserved: BitVec = field(metadata=counts_where("told"))
    vendor_before: Bool = field(metadata=counts_where("told"))
    evidence: Evidence


class ModeChanges(ABC):
    """What MMUs are told of other modes and processors."""

    @abstractmethod
    def smm_changed(self, begins: bool) -> SmmChanged:
        """``kvm_smm_changed()``."""

    @abstractmethod
    def smm_entered(self) -> SmmEntered:
        """``enter_smm()``."""

    @abstractmethod
    def cpuid_set(self) -> CpuidSet:
        """``kvm_vcpu_after_set_cpuid()``."""
