"""What is done to all SPTEs of a slot, of a part of it, or of a mask of frames, as a proof sees it: in both MMUs."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

HUGEST = 3
"""The highest level of huge pages."""


class SlotSweep(enum.Enum):
    """What is done to a slot, by the function that does it."""

    WRITE_PROTECT = "kvm_mmu_slot_remove_write_access"
    """SPTEs from a level on lose the permission to write."""
    CLEAR_DIRTY = "kvm_mmu_slot_leaf_clear_dirty"
    """SPTEs lose the dirty flag."""
    RECOVER = "kvm_mmu_recover_huge_pages"
    """Small pages go that can be huge."""
    SPLIT = "kvm_mmu_slot_try_split_huge_pages"
    """Huge pages above a level are split."""
    SPLIT_RANGE = "kvm_mmu_try_split_huge_pages"
    """The same in a part of the slot."""


@dataclass(frozen=True, kw_only=True)
class SlotSwept:
    """What is done to a slot.

    Attributes:
        sweep: what it is.
        level: the level that is told, where one is.
        tdp_mmu: the TDP MMU is in use.
        shadowed: there may be SPTEs of the shadow MMU.
        walked: at which levels, from 1 on, all of those in the range are gone through for this.
        tdp_done: those of the TDP MMU are, at the level that is told.
        stale: some SPTE of the shadow MMU has changed, by what its walk says.
        flushed: the slot is flushed.
        evidence: how it came about.
    """

    sweep: SlotSweep
    level: int
    tdp_mmu: Bool
    shadowed: Bool
    walked: tuple[Bool, ...]
    tdp_done: Bool
    stale: Bool
    flushed: Bool
    evidence: Evidence


class MaskSweep(enum.Enum):
    """What is done to the small pages of a mask, by the function that does it."""

    WRITE_PROTECT = "kvm_mmu_write_protect_pt_masked"
    CLEAR_DIRTY = "kvm_mmu_clear_dirty_pt_masked"


@dataclass(frozen=True, kw_only=True)
class MaskRound:
    """What is done to a mask of small pages, and any one round of it in the shadow MMU.

    Attributes:
        sweep: what it is.
        asked: the mask (64).
        tdp_mmu: the TDP MMU is in use.
        shadowed: there may be SPTEs of the shadow MMU.
        tdp_done: the TDP MMU is told of the same frames, and how their writes are to be noticed.
        mask_at_first: what is left of the mask before the first round (64).
        mask: what is left before this one (64).
        goes_on: another round follows.
        mask_after: what is left then (64).
        handles: SPTEs of a frame are gone through for this, at the lowest level.
        number: of which frame, counted from the first of the mask (64).
        evidence: how it came about.
    """

    sweep: MaskSweep
    asked: BitVec
    tdp_mmu: Bool
    shadowed: Bool
    tdp_done: Bool
    mask_at_first: BitVec
    mask: BitVec
    goes_on: Bool
    mask_after: BitVec = field(metadata=counts_where("goes_on"))
    handles: Bool
    number: BitVec = field(metadata=counts_where("handles"))
    evidence: Evidence


class Aging(enum.Enum):
    """Whether accessed flags are cleared or only looked at, by the function that does it."""

    AGE = "kvm_age_gfn"
    TEST = "kvm_test_age_gfn"


@dataclass(frozen=True, kw_only=True)
class RangeAged:
    """Accessed flags of a range of frames.

    Attributes:
        aging: what is done.
        tdp_mmu: the TDP MMU is in use.
        shadowed: there may be SPTEs of the shadow MMU.
        tdp_done: those of the TDP MMU are gone through for this, of the range.
        tdp_young: one was accessed.
        shadow_done: those of the shadow MMU are.
        shadow_young: one was accessed.
        answer: some SPTE was accessed, by what is told.
        evidence: how it came about.
    """

    aging: Aging
    tdp_mmu: Bool
    shadowed: Bool
    tdp_done: Bool
    tdp_young: Bool
    shadow_done: Bool
    shadow_young: Bool
    answer: Bool
    evidence: Evidence


class SlotSweeps(ABC):
    """What is done to many SPTEs in both MMUs."""

    @abstractmethod
    def swept(self, sweep: SlotSweep, level: int) -> SlotSwept:
        """What is done to a slot, from a level on, or above one, where that can be told."""

    @abstractmethod
    def masked(self, sweep: MaskSweep) -> MaskRound:
        """What is done to a mask of frames."""

    @abstractmethod
    def aged(self, aging: Aging) -> RangeAged:
        """``kvm_age_gfn()`` and ``kvm_test_age_gfn()``."""
