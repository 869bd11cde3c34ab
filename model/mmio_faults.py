"""What KVM does about an access that faulted on an MMIO SPTE, and about faults as a whole, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class MmioCache:
    """What a vCPU remembers of the last MMIO access; widths in bits: access 32, the rest 64.

    ``gva`` is the page of its linear address, 0 if none is known; ``generation`` that of the memslots.
    """

    gva: BitVec
    gfn: BitVec
    access: BitVec
    generation: BitVec


@dataclass(frozen=True, kw_only=True)
class MmioHandled:
    """What ``handle_mmio_page_fault()`` makes of a fault with RSVD.

    Attributes:
        addr: the address that faulted (64).
        direct: no guest tables stand behind the MMU's.
        before: what the vCPU remembers before.
        after: what it remembers after.
        asked: the SPTE of ``asked_addr`` is read.
        asked_addr: of which address (64).
        broken: the SPTEs of the walk have reserved bits and are none of MMIO.
        emulates: RET_PF_EMULATE.
        invalid: RET_PF_INVALID, the fault has to be handled as any other.
        retries: RET_PF_RETRY, the access is made again.
        fails: an error.
        evidence: how it came about.
    """

    addr: BitVec
    direct: Bool
    before: MmioCache
    after: MmioCache
    asked: Bool
    asked_addr: BitVec = field(metadata=counts_where("asked"))
    broken: Bool
    emulates: Bool
    invalid: Bool
    retries: Bool
    fails: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MmioRemembered:
    """What a vCPU remembers of MMIO, what of it it believes, and what it forgets.

    Attributes:
        before: what it remembers; the other answers are about this.
        generation: the generation of its memslots (64).
        gva: the linear address that is asked for, remembered and forgotten (64).
        gpa: the guest-physical address that is asked for (64).
        by_gva: ``vcpu_match_mmio_gva()``.
        by_gpa: ``vcpu_match_mmio_gpa()``.
        gfn: what ``vcpu_cache_mmio_info()`` is told (64).
        access: likewise (32).
        filled: what it remembers then.
        forgotten: what it remembers after ``vcpu_clear_mmio_info()``.
        evidence: how it came about.
    """

    before: MmioCache
    generation: BitVec
    gva: BitVec
    gpa: BitVec
    by_gva: Bool
    by_gpa: Bool
    gfn: BitVec
    access: BitVec
    filled: MmioCache
    forgotten: MmioCache
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Handled:
    """One of those that ``kvm_mmu_page_fault()`` tells of a fault.

    Attributes:
        told: it is told.
        addr: of which address (64).
        error_code: of which error code (64); 0 if it is told of none.
        answer: what it answers (32).
        emulate: it answers RET_PF_EMULATE.
        invalid: it answers RET_PF_INVALID.
        protected: it answers RET_PF_WRITE_PROTECTED.
    """

    told: Bool
    addr: BitVec = field(metadata=counts_where("told"))
    error_code: BitVec = field(metadata=counts_where("told"))
    answer: BitVec
    emulate: Bool
    invalid: Bool
    protected: Bool


@dataclass(frozen=True, kw_only=True)
class FaultAnswered:
    """What ``kvm_mmu_page_fault()`` does about a fault.

    Attributes:
        addr: the address that faulted (64).
        error_code: the error code (64).
        root: the MMU has a root.
        direct: no guest tables stand behind the MMU's.
        private: the VM is protected by software, and its attributes say that the frame is private.
        mmio: ``handle_mmio_page_fault()``.
        mmio_direct: it is told that no guest tables stand behind.
        fault: ``kvm_mmu_do_page_fault()``.
        write: ``kvm_mmu_write_protect_fault()``; nobody is told where a kernel has no such function.
        unprotects: the page is given up as a guest's page table instead of an emulation.
        emulated: an instruction is emulated.
        emulated_addr: for which address (64).
        emulation: what the emulation answers (32).
        result: what the function returns (32).
        evidence: how it came about.
    """

    addr: BitVec
    error_code: BitVec
    root: Bool
    direct: Bool
    private: Bool
    mmio: Handled
    mmio_direct: Bool
    fault: Handled
    write: Handled
    unprotects: Bool
    emulated: Bool
    emulated_addr: BitVec = field(metadata=counts_where("emulated"))
    emulation: BitVec
    result: BitVec
    evidence: Evidence


class MmioFaults(ABC):
    """Accesses that fault on MMIO SPTEs."""

    @abstractmethod
    def handled(self, masks: ShadowMasks, spte: BitVec, generation: BitVec, *, nested: bool) -> MmioHandled:
        """``handle_mmio_page_fault()`` where the address leads to this SPTE.

        Args:
            masks: the ``shadow_*`` masks.
            spte: the SPTE (64).
            generation: the generation of the vCPU's memslots (64).
            nested: the vCPU runs L2 on tables that KVM builds of L1's EPT or nested page tables.
        """

    @abstractmethod
    def remembered(self, *, nested: bool) -> MmioRemembered:
        """``vcpu_cache_mmio_info()``, ``vcpu_match_mmio_*()``, ``vcpu_clear_mmio_info()``; as in `handled`."""

    @abstractmethod
    def answered(self) -> FaultAnswered:
        """``kvm_mmu_page_fault()``."""
