"""Which frames' translations KVM flushes when it takes an entry away, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class RangeFlushed:
    """What a function flushes that changes one entry.

    Attributes:
        caller: the function.
        level: the level of the entry (32).
        index: which entry of its table it is.
        before: what it holds when the function comes to it (64).
        changes: it is taken away, or holds something else afterwards.
        gfn: the first frame that the function takes it to translate, or its first frame by the child's page (64).
        page_gfn: the frame of the page that the entry is in (64).
        page_direct: that page shadows no table of the guest's.
        page_passthrough: that page has one entry, for a table of the guest's of its own.
        shadowed: what that page notes of a page of the guest's at this entry, frame and access (64).
        notes: it has room for such notes.
        asked: some frames are flushed.
        first: the first of them (64).
        pages: how many they are (64).
        everything: all is flushed.
        evidence: how it came about.
    """

    caller: str
    level: BitVec
    index: int
    before: BitVec
    changes: Bool
    gfn: BitVec
    page_gfn: BitVec
    page_direct: Bool
    page_passthrough: Bool
    shadowed: BitVec
    notes: Bool
    asked: Bool
    first: BitVec = field(metadata=counts_where("asked"))
    pages: BitVec = field(metadata=counts_where("asked"))
    everything: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MapFlushed(RangeFlushed):
    """The same of a function that maps a page.

    Attributes:
        pfn: the frame of the host's that it maps (64).
    """

    pfn: BitVec


@dataclass(frozen=True, kw_only=True)
class TableFlushed(RangeFlushed):
    """The same of a function that takes a table away.

    Attributes:
        child_access: what the page of that table may grant.
        wanted: what it should grant.
        child_direct: that page shadows no table of the guest's.
        flushes: the caller wants it to be flushed.
    """

    child_access: BitVec
    wanted: BitVec
    child_direct: Bool
    flushes: Bool


class FlushRanges(ABC):
    """What flushes the frames of one entry."""

    @abstractmethod
    def tdp_map(self) -> MapFlushed:
        """``tdp_mmu_map_handle_target_level()``."""

    @abstractmethod
    def shadow_map(self) -> MapFlushed:
        """``mmu_set_spte()``."""

    @abstractmethod
    def recycled(self) -> RangeFlushed:
        """``__rmap_add()``, which takes away all that map a frame when they are too many."""

    @abstractmethod
    def dropped(self) -> TableFlushed:
        """``validate_direct_spte()``."""

    @abstractmethod
    def linked(self) -> TableFlushed:
        """``__link_shadow_page()``."""
