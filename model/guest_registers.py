"""The registers that choose a guest's paging mode, as they come into a vCPU: who lets which values in."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool


class Register(enum.Enum):
    """A register that the guest writes by itself."""

    CR0 = "CR0"
    CR4 = "CR4"
    EFER = "EFER"


@dataclass(frozen=True)
class Registers:
    """CR0, CR4 and EFER as a vCPU has them, 64 bits each."""

    cr0: BitVec
    cr4: BitVec
    efer: BitVec


@dataclass(frozen=True, kw_only=True)
class LetIn:
    """Registers that somebody asks KVM to give a vCPU.

    Attributes:
        accepted: whether KVM does; if not, the vCPU goes on with what it had, or not at all.
        before: what the vCPU had.
        asked: what is asked for.
        after: what it has then.
        evidence: how this came about.
    """

    accepted: Bool
    before: Registers
    asked: Registers
    after: Registers = field(metadata=counts_where("accepted"))
    evidence: Evidence


class GuestRegisters(ABC):
    """The ways on which control registers and EFER come into a vCPU."""

    @abstractmethod
    def enter_l2(self, vendor: Vendor) -> LetIn:
        """What L1 gives an L2 that it enters, in its VMCS or VMCB."""

    @abstractmethod
    def write(self, vendor: Vendor, register: Register) -> LetIn:
        """What the guest writes to one register."""

    @abstractmethod
    def set_sregs(self, vendor: Vendor) -> LetIn:
        """What userspace gives a vCPU all at once (``KVM_SET_SREGS``)."""
