"""Invalidating the translations of an address: which of a vCPU's roots are walked for it, and what is flushed."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


class Invalidation(enum.Enum):
    """What has the translations of an address invalidated, by its function."""

    INVLPG = "kvm_mmu_invlpg"
    """The guest's INVLPG: of a linear address, whatever PCID its global translations are of."""
    INVPCID = "kvm_mmu_invpcid_gva"
    """The guest's INVPCID of one address and PCID."""
    NESTED = "kvm_mmu_invalidate_addr"
    """A fault of L2 in L1's tables, for some of the roots: of an address of L2's physical memory."""


@dataclass(frozen=True, kw_only=True)
class CachedRoot:
    """A root whose tables a vCPU uses, or may use again.

    Attributes:
        root: its address (64); `AddressInvalidated.no_root` for none.
        pgd: the CR3, or the pointer to L1's tables, that it is for (64).
        named: whoever asks has named it; true if nobody names roots.
        forgotten: what it translates the address with is synchronized with the guest's tables, or the root is given up.
    """

    root: BitVec
    pgd: BitVec
    named: Bool
    forgotten: Bool


@dataclass(frozen=True, kw_only=True)
class AddressInvalidated:
    """What is done about the translations of an address.

    Attributes:
        address: the address (64).
        pcid: the PCID that the guest names (64); anything if it names none.
        has_pcid: the vCPU has CR4.PCIDE.
        five_level: the vCPU has CR4.LA57.
        wide_processor: KVM lets a vCPU have linear addresses of 57 bits.
        tdp: the processor walks two tables, and nothing shadows the guest's own.
        shadows: the roots shadow tables of a guest.
        no_root: the address that is no root's (64).
        in_use: the root in use.
        kept: those that the vCPU had before.
        cr3: the vCPU's CR3 (64).
        flushed: the processor is told to forget what it has cached of the address.
        evidence: how it came about.
    """

    address: BitVec
    pcid: BitVec
    has_pcid: Bool
    five_level: Bool
    wide_processor: Bool
    tdp: Bool
    shadows: Bool
    no_root: BitVec
    in_use: CachedRoot
    kept: Sequence[CachedRoot]
    cr3: BitVec
    flushed: Bool
    evidence: Evidence


class Transition(enum.Enum):
    """Where a vCPU goes from L1 to L2, or back."""

    VMX_ENTRY = "VM entry"
    VMX_EXIT = "VM exit"
    SVM = "VMRUN or #VMEXIT"


@dataclass(frozen=True, kw_only=True)
class TransitionFlushed:
    """What is flushed on the way from L1 to L2, or back.

    Attributes:
        function: what has it flushed.
        has_vpid: L1 gives L2 a VPID; false for SVM, as are the next four.
        vpid: that VPID (16).
        last_vpid: the one that KVM remembers from L1's last entry (16).
        remembered: the one that it remembers now (16).
        tagged: what is cached for L1 and for L2 has different tags: other tables of EPT, or other VPIDs.
        flushes_current: what is cached with the tag in use is forgotten before the guest runs.
        flushes_guest: that, and the SPTEs of all that the guest's own tables translate.
        evidence: how it came about.
    """

    function: str
    has_vpid: Bool
    vpid: BitVec
    last_vpid: BitVec
    remembered: BitVec
    tagged: Bool
    flushes_current: Bool
    flushes_guest: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class TablesInvalidated:
    """What is done about all translations by tables of L1's EPT.

    Attributes:
        function: what does it.
        every: all tables are meant, and not those of one EPTP.
        eptp: the EPTP that L1 names (64).
        no_root: the address that is no root's (64).
        in_use: the root in use, if L2 uses EPT.
        kept: those that the vCPU had before.
        succeeds: L1 is told that it is done.
        evidence: how it came about.
    """

    function: str
    every: Bool
    eptp: BitVec
    no_root: BitVec
    in_use: CachedRoot
    kept: Sequence[CachedRoot]
    succeeds: Bool
    evidence: Evidence


class Invalidations(ABC):
    """What invalidates translations."""

    @abstractmethod
    def of_address(self, asked: Invalidation) -> AddressInvalidated:
        """The translations of one address: ``kvm_mmu_invalidate_addr()`` and who calls it."""

    @abstractmethod
    def of_tables(self) -> TablesInvalidated:
        """The translations by L1's EPT: ``handle_invept()``."""

    @abstractmethod
    def at_transition(self, transition: Transition) -> TransitionFlushed:
        """What is flushed between L1 and L2: ``nested_vmx_transition_tlb_flush()`` and its twin of SVM."""
