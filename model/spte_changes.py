"""What turns one SPTE value into another, or makes one besides ``make_spte()``, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.result_fields import AT_LEAST
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool


class SpteChange(enum.Enum):
    """An operation on one SPTE in place; the value says what it is for.

    Those of the shadow MMU find SPTEs by the reverse map, those of the TDP MMU by walking the tables.  Both run
    over many SPTEs; what is described is what they do to any one of them.
    """

    RMAP_WRITE_PROTECT = "rmap_write_protect() for dirty logging"
    RMAP_WRITE_TRACK = "rmap_write_protect() for a page that holds guest tables"
    RMAP_CLEAR_DIRTY = "__rmap_clear_dirty()"
    RMAP_AGE = "kvm_rmap_age_gfn_range()"
    RMAP_ZAP = "mmu_spte_clear_track_bits()"
    TDP_WRITE_PROTECT = "wrprot_gfn_range()"
    TDP_WRITE_TRACK = "write_protect_gfn()"
    TDP_CLEAR_DIRTY = "clear_dirty_gfn_range()"
    TDP_CLEAR_DIRTY_MASKED = "clear_dirty_pt_masked()"
    TDP_AGE = "kvm_tdp_mmu_age_spte()"
    TDP_ZAP = "tdp_mmu_zap_leafs()"

    @property
    def ages(self) -> bool:
        """Whether it asks if the SPTE was used, and makes it unused."""
        return self in (SpteChange.RMAP_AGE, SpteChange.TDP_AGE)

    @property
    def zaps(self) -> bool:
        """Whether it takes the SPTE away."""
        return self in (SpteChange.RMAP_ZAP, SpteChange.TDP_ZAP)

    @property
    def clears_dirty(self) -> bool:
        """Whether it begins another round of dirty logging."""
        return self in (SpteChange.RMAP_CLEAR_DIRTY, SpteChange.TDP_CLEAR_DIRTY, SpteChange.TDP_CLEAR_DIRTY_MASKED)

    @property
    def tracks(self) -> bool:
        """Whether the page must not be made writable again without KVM's lock."""
        return self in (SpteChange.RMAP_WRITE_TRACK, SpteChange.TDP_WRITE_TRACK)

    @property
    def reports_flush(self) -> bool:
        """Whether its result says that TLBs have to be flushed.

        Aging says whether the SPTE was used, and clearing dirty flags in the TDP MMU says nothing.
        """
        return self in (
            SpteChange.RMAP_WRITE_PROTECT,
            SpteChange.RMAP_WRITE_TRACK,
            SpteChange.RMAP_CLEAR_DIRTY,
            SpteChange.TDP_WRITE_PROTECT,
            SpteChange.TDP_WRITE_TRACK,
            SpteChange.TDP_ZAP,
        )

    @property
    def hands_back(self) -> bool:
        """Whether it gives its caller the SPTE that it took away, who then decides on a flush."""
        return self is SpteChange.RMAP_ZAP

    def happens(self, vendor: Vendor) -> bool:
        """Whether KVM can use it on a vendor's tables: without TDP there is no TDP MMU."""
        return vendor is not Vendor.SHADOW or self.name.startswith("RMAP_")


@dataclass(frozen=True)
class SpteAt:
    """An SPTE of 64 bits in a page table of some level (4 bits)."""

    spte: BitVec
    level: BitVec


@dataclass(frozen=True)
class Changed:
    """The SPTE, 64 bits, after an operation, or the one that it made.

    ``without_reference`` tells whether the page that it mapped has no reference, on trees that ask, ``flushes``
    whether the operation says that TLBs have to be flushed.
    """

    spte: BitVec
    evidence: Evidence
    without_reference: Bool = FALSE
    flushes: Bool = FALSE


@dataclass(frozen=True)
class SplitRequest:
    """The arguments of ``make_small_spte()``: the huge SPTE and the page that gets the small ones.

    Widths in bits: huge_spte 64, level (of the small SPTE) and access 4, index 32.  On trees without
    ``ACC_READ_MASK`` access has 3 bits that count.
    """

    huge_spte: BitVec
    level: BitVec
    access: BitVec
    index: BitVec


@dataclass(frozen=True)
class FastFault:
    """What ``fast_page_fault()`` looks at besides the SPTE that it finds."""

    present: Bool
    write: Bool
    exec: Bool
    rsvd: Bool


@dataclass(frozen=True)
class FaultModes:
    """What KVM's judgement of a fault depends on besides the SPTE and the kind of access, where it tells modes apart.

    Args:
        user: the fault is of a user-mode access.
        told_apart: the MMU was told that the processor has MBEC or GMET on.
    """

    user: Bool
    told_apart: Bool


@dataclass(frozen=True, kw_only=True)
class FastFixed:
    """What ``fast_page_fault()`` does: ``spte`` is the SPTE afterwards, 64 bits.

    ``fixed`` and ``spurious`` are RET_PF_FIXED and RET_PF_SPURIOUS; otherwise the slow path goes on.  ``marked_dirty``
    tells whether the page is marked in the dirty log, ``logged`` whether the memory slot logs writes, ``root_loaded``
    whether the vCPU has a root, as it always does in the reference model.
    """

    fixed: Bool
    spurious: Bool
    spte: BitVec
    marked_dirty: Bool
    logged: Bool
    evidence: Evidence
    root_loaded: Bool = field(default=TRUE, metadata=AT_LEAST)


@dataclass(frozen=True, kw_only=True)
class SpteFacts:
    """What KVM's predicates say of one SPTE of a level, under their names.

    ``writable_invariants`` is that ``check_spte_writable_invariants()`` does not warn.
    """

    is_shadow_present_pte: Bool
    is_large_pte: Bool
    is_last_spte: Bool
    is_writable_pte: Bool
    is_mmu_writable_spte: Bool
    is_accessed_spte: Bool
    spte_ad_enabled: Bool
    spte_ad_need_write_protect: Bool
    is_access_track_spte: Bool
    writable_invariants: Bool
    spte_to_pfn: BitVec


@dataclass(frozen=True, kw_only=True)
class SpteJudged:
    """What an MMU's table of permissions says of an SPTE.

    Attributes:
        faults: the access that faulted would fault through this SPTE.
        told_apart: the MMU's root role says that MBEC, GMET or SMEP is on.
        evidence: how it came about.
    """

    faults: Bool
    told_apart: Bool
    evidence: Evidence


class SpteChanges(ABC):
    """Everything besides ``make_spte()`` that gives an SPTE a value."""

    @abstractmethod
    def facts(self, masks: ShadowMasks, at: SpteAt) -> SpteFacts:
        """KVM's predicates on an SPTE."""

    def fault_modes(self, masks: ShadowMasks) -> FaultModes | None:
        """What tells modes apart where a fault is judged by its SPTE; None if nothing does."""
        return None

    @abstractmethod
    def is_executable_pte(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """``is_executable_pte()``; since 7.3, whether ``spte_permission_fault()`` lets a fetch pass."""

    @abstractmethod
    def is_access_allowed(self, masks: ShadowMasks, fault: FastFault, spte: BitVec) -> Bool:
        """``is_access_allowed()``: whether an SPTE allows what faulted."""

    @abstractmethod
    def spte_permission_fault(
        self, masks: ShadowMasks, kind: MmuKind, now: MmuRequest, error_code: BitVec, spte: BitVec
    ) -> SpteJudged:
        """``spte_permission_fault()``: an SPTE against a fault as ``kvm_mmu_do_page_fault()`` tells of it.

        Args:
            masks: the host's.
            kind: the MMU, which is set up for the first time.
            now: what is asked of it.
            error_code: what ``kvm_mmu_do_page_fault()`` is told, 64 bits.
            spte: the SPTE, 64 bits.
        """

    @abstractmethod
    def is_nx_huge_page_enabled(self, masks: ShadowMasks) -> Bool:
        """Whether the iTLB-multihit mitigation is on: one answer for all operations."""

    @abstractmethod
    def page_needs_write_protection(self, masks: ShadowMasks) -> Bool:
        """``kvm_mmu_page_ad_need_write_protect()``: writes to the SPTEs of a page are not logged by PML.

        It speaks of the page that ``make_spte()`` and the operations in place have their SPTE in.
        """

    @abstractmethod
    def page_is_mirror(self, masks: ShadowMasks) -> Bool:
        """``is_mirror_sp()`` of that page: it mirrors tables that only TDX can change; never, where there are none."""

    @abstractmethod
    def page_is_invalid(self, masks: ShadowMasks) -> Bool:
        """Whether that page, or its root, is no longer used: KVM flushes once when it gives up roots."""

    @abstractmethod
    def make_nonleaf_spte(self, masks: ShadowMasks, page_table: BitVec, ad_disabled: Bool) -> Changed:
        """``make_nonleaf_spte()`` for a table at a physical address of 64 bits."""

    @abstractmethod
    def make_small_spte(self, masks: ShadowMasks, request: SplitRequest) -> Changed:
        """``make_small_spte()``, which splits a huge SPTE; ``make_huge_page_split_spte()`` in older trees."""

    @abstractmethod
    def make_huge_spte(self, masks: ShadowMasks, small_spte: BitVec, level: BitVec) -> Changed:
        """``make_huge_spte()``, which collapses a page table into an SPTE of ``level`` (4 bits)."""

    @abstractmethod
    def change(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> Changed:
        """An operation on an SPTE in place."""

    @abstractmethod
    def fast_page_fault(self, masks: ShadowMasks, fault: FastFault, at: SpteAt) -> FastFixed:
        """``fast_page_fault()``, which finds the SPTE by a walk and fixes it without KVM's lock."""
