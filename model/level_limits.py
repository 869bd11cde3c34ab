"""How large pages can be by the host, by what KVM is set up for, and by how a guest runs, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class HostMapping:
    """How large a page of the host's is around a frame of the guest's.

    Attributes:
        above: the entries of the host's tables above level 3 that are read (64 each), the highest first.
        pud: the entry of level 3 (64).
        pmd: the entry of level 2 (64).
        reads_pud: the entry of level 3 is read.
        reads_pmd: the entry of level 2 is read.
        another_address: an entry is looked up for another address than the frame's.
        level: the answer (32).
        evidence: how it came about.
    """

    above: tuple[BitVec, ...]
    pud: BitVec
    pmd: BitVec
    reads_pud: Bool
    reads_pmd: Bool
    another_address: Bool
    level: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MmuConfigured:
    """What KVM is set up for.

    Attributes:
        tdp_told: two-dimensional paging is to be used.
        forced_told: how many levels its root has to have, or 0 (32).
        most_told: how many it has at most (32).
        huge_told: the level of its largest page (32).
        allowed: the TDP MMU may be used.
        gigabyte: the processor has pages of 1 GByte.
        tdp: two-dimensional paging is used.
        tdp_mmu: the TDP MMU is.
        forced: how many levels a root has to have (32).
        most: how many it has at most (32).
        huge: the level of the largest page (32).
        evidence: how it came about.
    """

    tdp_told: Bool
    forced_told: BitVec
    most_told: BitVec
    huge_told: BitVec
    allowed: Bool
    gigabyte: Bool
    tdp: Bool
    tdp_mmu: Bool
    forced: BitVec
    most: BitVec
    huge: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class UnpagedFault:
    """How large a page may be for a guest without paging, under shadow paging.

    Attributes:
        handled: the fault is handed on.
        level: the level of the largest page then (32).
        evidence: how it came about.
    """

    handled: Bool
    level: BitVec = field(metadata=counts_where("handled"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class GuestMemoryLimit:
    """How large a page of guest memory can be.

    Attributes:
        found: how large it is by guest memory itself (32).
        vendor: how large it can be by the vendor's own tables, 0 for any size (32).
        level: the answer (32).
        evidence: how it came about.
    """

    found: BitVec
    vendor: BitVec
    level: BitVec
    evidence: Evidence


class LevelLimits(ABC):
    """What bounds the size of pages."""

    @abstractmethod
    def of_host(self) -> HostMapping:
        """``host_pfn_mapping_level()``."""

    @abstractmethod
    def configured(self) -> MmuConfigured:
        """``kvm_configure_mmu()``."""

    @abstractmethod
    def unpaged(self) -> UnpagedFault:
        """``nonpaging_page_fault()``."""

    @abstractmethod
    def of_guest_memory(self) -> GuestMemoryLimit | None:
        """``kvm_gmem_max_mapping_level()``; None where a tree asks elsewhere."""
