"""Accesses that KVM itself makes to linear addresses of a guest, as a proof sees them."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import AT_LEAST, counts_where
from mmuproof.smt.terms import BitVec, Bool


class Accessor(enum.Enum):
    """The functions that ask for such an access, by the kernel's names."""

    READ = "kvm_mmu_gva_to_gpa_read"
    WRITE = "kvm_mmu_gva_to_gpa_write"
    SYSTEM = "kvm_mmu_gva_to_gpa_system"
    READ_VIRT = "kvm_read_guest_virt"
    WRITE_VIRT_SYSTEM = "kvm_write_guest_virt_system"
    FETCH_VIRT = "kvm_fetch_guest_virt"
    EMULATOR_READ = "emulator_read_std"
    EMULATOR_WRITE = "emulator_write_std"
    MMIO = "vcpu_mmio_gva_to_gpa"


@dataclass(frozen=True, kw_only=True)
class LinearAsk:
    """What a function asks of the walk of the guest's page tables, or of the helper that asks for it.

    Attributes:
        guard: holds whenever it asks.
        access: PFERR_* bits, 64 bits.
        cpl: the guest's privilege level, 32 bits, free.
        system: the ``system`` argument, free: the processor makes the access by itself.
        write: the ``write`` argument, free.
        evidence: how it came about.
    """

    guard: Bool = field(metadata=AT_LEAST)
    access: BitVec = field(metadata=counts_where("guard"))
    cpl: BitVec
    system: Bool
    write: Bool
    evidence: Evidence


class LinearAccesses(ABC):
    """KVM's own accesses to linear addresses (``x86.c``)."""

    @abstractmethod
    def asks(self, accessor: Accessor) -> LinearAsk:
        """What a function asks for, whatever its other arguments are."""
