"""Rounds of the loops over a range of frames, as a proof sees them: what is changed and is to be flushed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class ZapRound:
    """Any one round of a walk that takes away the pages of a range.

    Attributes:
        function: whose loop it is.
        in_range: the walk is at an entry of the range.
        level: the level of that entry (32).
        spte: what it holds according to the walk (64).
        yielded: others have been let in, and the entry may be another now.
        told: they were told that a flush is due.
        zapped: the entry is cleared.
        unused: the root is one that no vCPU uses any more.
        goes_on: another round follows.
        due: a flush is due when the round begins.
        due_after: a flush is due when the next round begins.
        answer: what the function answers where the walk is at its end: a flush is due.
        evidence: how it came about.
    """

    function: str
    in_range: Bool
    level: BitVec
    spte: BitVec
    yielded: Bool
    told: Bool = field(metadata=counts_where("yielded"))
    zapped: Bool
    unused: Bool
    goes_on: Bool
    due: Bool
    due_after: Bool = field(metadata=counts_where("goes_on"))
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EntryRound:
    """Any one round of a walk that changes entries that other CPUs may change too; entries have 64 bits.

    A round begins anew where another CPU has changed the entry; what is said here is of any of its tries.

    Attributes:
        function: whose loop it is.
        enters: there is a walk.
        first_gfn: the frame at which the walk begins (64).
        lowest: the level below which it does not go (32).
        in_range: the walk is at an entry of the range.
        gfn: the first frame that the entry translates (64).
        level: the level of the entry (32).
        spte: what it holds according to the walk, when the round begins (anew).
        yielded: others have been let in, and the entry may be another now.
        changes: the entry is changed, or is tried to.
        new: what it is to hold.
        elsewhere: another entry is changed.
        failed: another CPU has changed it before.
        again: the round begins anew.
        goes_on: another round follows.
        evidence: how it came about.
    """

    function: str
    enters: Bool
    first_gfn: BitVec
    lowest: BitVec
    in_range: Bool
    gfn: BitVec
    level: BitVec
    spte: BitVec
    yielded: Bool
    changes: Bool
    new: BitVec = field(metadata=counts_where("changes"))
    elsewhere: Bool = field(metadata=counts_where("changes"))
    failed: Bool = field(metadata=counts_where("changes"))
    again: Bool
    goes_on: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ChangeTold:
    """What a walk tells its caller: that it has changed something, for which a flush is due.

    Attributes:
        before: it has, when the round begins.
        goes_on: another round follows.
        after: it has, when that begins.
        ends: the walk ends in the round.
        answer: what the function answers then.
    """

    before: Bool
    goes_on: Bool
    after: Bool = field(metadata=counts_where("goes_on"))
    ends: Bool
    answer: Bool = field(metadata=counts_where("ends"))


@dataclass(frozen=True, kw_only=True)
class WriteProtectRound:
    """Any one round of ``wrprot_gfn_range()``.

    Attributes:
        entry: what it does to an entry.
        start: the first frame of the range (64).
        min_level: the lowest level that is asked for (32).
        told: what it tells its caller.
    """

    entry: EntryRound
    start: BitVec
    min_level: BitVec
    told: ChangeTold


@dataclass(frozen=True, kw_only=True)
class WriteProtectFrameRound:
    """Any one round of ``write_protect_gfn()``.

    Attributes:
        entry: what it does to an entry.
        gfn: the frame (64).
        min_level: the lowest level that is asked for (32).
        mmu_writable: the bit that lets faults make the page writable again (64).
        told: what it tells its caller.
    """

    entry: EntryRound
    gfn: BitVec
    min_level: BitVec
    mmu_writable: BitVec
    told: ChangeTold


@dataclass(frozen=True, kw_only=True)
class ClearDirtyFramesRound:
    """Any one round of ``clear_dirty_pt_masked()``.

    Attributes:
        entry: what it does to an entry.
        gfn: the frame that bit 0 of the mask means (64).
        asked: which frames are asked for (64).
        mask_at_first: which of them are left when the walk begins (64).
        mask: which of them are left when the round begins (64).
        goes_on: another round follows.
        mask_after: which are left when that begins (64).
        protects: writes are noticed by faults, for want of a dirty flag or because it is asked for.
        wrprot: it is asked for.
        dirty_mask: the dirty flag.
    """

    entry: EntryRound
    gfn: BitVec
    asked: BitVec
    mask_at_first: BitVec
    mask: BitVec
    goes_on: Bool
    mask_after: BitVec = field(metadata=counts_where("goes_on"))
    protects: Bool
    wrprot: Bool
    dirty_mask: BitVec


@dataclass(frozen=True, kw_only=True)
class ClearDirtyRound:
    """Any one round of ``clear_dirty_gfn_range()``.

    Attributes:
        entry: what it does to an entry.
        start: the first frame of the range (64).
        protects: writes are noticed by faults, for want of a dirty flag.
        dirty_mask: the dirty flag.
    """

    entry: EntryRound
    start: BitVec
    protects: Bool
    dirty_mask: BitVec


@dataclass(frozen=True, kw_only=True)
class ZapRootRound:
    """Any one round of ``__tdp_mmu_zap_root()``.

    Attributes:
        entry: what it does to an entry.
        zap_level: the level up to which entries are taken away (32).
    """

    entry: EntryRound
    zap_level: BitVec


@dataclass(frozen=True, kw_only=True)
class SplitRound:
    """Any one round of ``tdp_mmu_split_huge_pages_root()``; what is stored is another function's.

    Attributes:
        entry: what it does to an entry; ``new`` is 0.
        start: the first frame of the range (64).
        target_level: the level down to which huge pages are split (32).
        unprepared: an entry is split with a page that has not been set up for its place; whoever splits it may still
            do so, `SplitStored.prepares`.
        without_page: there is no page yet for the table, and one is asked for.
        looks_again: the walk comes to the entry again afterwards.
    """

    entry: EntryRound
    start: BitVec
    target_level: BitVec
    unprepared: Bool
    without_page: Bool
    looks_again: Bool = field(metadata=counts_where("without_page"))


@dataclass(frozen=True, kw_only=True)
class RecoverRound:
    """Any one round of ``recover_huge_pages_range()``, or of what takes tables away for huge pages to come.

    Attributes:
        entry: what it does to an entry.
        base_gfn: the first frame of the memory slot (64).
        npages: how many it has (64).
        max_level: the largest level at which the frame may be mapped (32).
        made: a huge SPTE has been made for the entry.
        huge_spte: it.
    """

    entry: EntryRound
    base_gfn: BitVec
    npages: BitVec
    max_level: BitVec
    made: Bool
    huge_spte: BitVec


class RangeRounds(ABC):
    """What goes through the entries of a range of frames."""

    @abstractmethod
    def zap(self) -> ZapRound:
        """``tdp_mmu_zap_leafs()``."""

    @abstractmethod
    def write_protect(self) -> WriteProtectRound:
        """``wrprot_gfn_range()``."""

    @abstractmethod
    def clear_dirty(self) -> ClearDirtyRound:
        """``clear_dirty_gfn_range()``."""

    @abstractmethod
    def write_protect_frame(self) -> WriteProtectFrameRound:
        """``write_protect_gfn()``."""

    @abstractmethod
    def clear_dirty_frames(self) -> ClearDirtyFramesRound:
        """``clear_dirty_pt_masked()``."""

    @abstractmethod
    def zap_root(self) -> ZapRootRound:
        """``__tdp_mmu_zap_root()``."""

    @abstractmethod
    def split(self) -> SplitRound:
        """``tdp_mmu_split_huge_pages_root()``."""

    @abstractmethod
    def recover(self) -> RecoverRound:
        """``recover_huge_pages_range()``, before 7.x ``zap_collapsible_spte_range()``, which clears the entry."""
