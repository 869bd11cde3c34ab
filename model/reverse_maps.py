"""What KVM keeps of each SPTE of the shadow MMU beside it, as a proof sees it: what it maps, and where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class TranslationNoted:
    """What is noted of an SPTE, and read back.

    Attributes:
        shadows: the SPTE's page shadows a table of the guest's.
        gfn: the guest's frame that is to be noted (64).
        access: what the guest's entry grants, to be noted too (32).
        gfn_after: the frame that is read back (64).
        access_after: the access that is (32).
        beside: what is noted of another SPTE of the page changes.
        evidence: how it came about.
    """

    shadows: Bool
    gfn: BitVec
    access: BitVec
    gfn_after: BitVec
    access_after: BitVec
    beside: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MappingNoted:
    """What is noted of an SPTE that is made by the shadow MMU.

    Attributes:
        level: the level of the entry (32).
        makes: an SPTE is made.
        kept: the entry maps the page already.
        added: it is put on the list of what maps the guest's frame, with what the guest grants.
        renoted: what the guest grants is noted anew, of the entry.
        otherwise: something is noted of another entry or frame, or another access.
        evidence: how it came about.
    """

    level: BitVec
    makes: Bool
    kept: Bool = field(metadata=counts_where("makes"))
    added: Bool
    renoted: Bool
    otherwise: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SpteListed:
    """How an SPTE is put on the list of what maps a frame.

    Attributes:
        level: the level of the entry (32).
        noted: it is noted of the entry which frame it maps, and with what access.
        listed: the entry is put on the list of the frame at the entry's level, in the slot that is told.
        dropped: the list has become too long, and all on it is taken away.
        flushed: what the frame is translated to at that level is flushed.
        evidence: how it came about.
    """

    level: BitVec
    noted: Bool
    listed: Bool
    dropped: Bool
    flushed: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SpteUnlisted:
    """How an SPTE is taken away.

    Attributes:
        present: it is there.
        emptied: the entry is empty then.
        unlisted: it is taken off the list of what maps its frame.
        asked: it is taken off some list.
        evidence: how it came about.
    """

    present: Bool
    emptied: Bool
    unlisted: Bool
    asked: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class CollapseRound:
    """What becomes of any one SPTE where small pages are given up for huge ones.

    Attributes:
        here: there is an SPTE that is looked at.
        direct: its page has no table of the guest's behind it.
        gfn: the first frame of that page (64).
        base: the first frame of the slot (64).
        pages: how many frames the slot has (64).
        level: the level of the SPTE (32).
        asked: it is asked how large a page could be around a frame.
        asked_right: it is the page's first frame in the slot.
        max_level: the answer (32).
        dropped: the SPTE is taken away.
        flushed: its frames are flushed at once.
        due: a flush is due when all are looked at again.
        restarts: the list is gone through from its beginning again.
        evidence: how it came about.
    """

    here: Bool
    direct: Bool
    gfn: BitVec
    base: BitVec
    pages: BitVec
    level: BitVec
    asked: Bool
    asked_right: Bool = field(metadata=counts_where("asked"))
    max_level: BitVec = field(metadata=counts_where("asked"))
    dropped: Bool
    flushed: Bool
    due: Bool
    restarts: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ListRound:
    """What becomes of any one SPTE of a list whose SPTEs are all write-protected, or all lose the dirty flag.

    Attributes:
        here: there is an SPTE that is looked at.
        changes: it is write-protected, or loses the dirty flag where that tells of writes.
        as_asked: as it is asked for: whether KVM may make it writable again; nothing else of it is changed.
        owes: it was writable, or had the flag, so that TLBs may hold it so.
        due: a flush is due when the round begins.
        due_after: the same when it ends.
        answer: what the function answers in the end is whether a flush is due then.
        evidence: how it came about.
    """

    here: Bool
    changes: Bool
    as_asked: Bool = field(metadata=counts_where("changes"))
    owes: Bool = field(metadata=counts_where("changes"))
    due: Bool
    due_after: Bool = field(metadata=counts_where("here"))
    answer: Bool
    evidence: Evidence


class ReverseMaps(ABC):
    """What is kept of SPTEs beside them."""

    @abstractmethod
    def noted(self) -> TranslationNoted:
        """``kvm_mmu_page_set_translation()``, and what reads it."""

    @abstractmethod
    def mapped(self) -> MappingNoted:
        """``mmu_set_spte()``."""

    @abstractmethod
    def added(self) -> SpteListed:
        """``__rmap_add()``."""

    @abstractmethod
    def dropped(self) -> SpteUnlisted:
        """``drop_spte()``."""

    @abstractmethod
    def write_protected(self) -> ListRound:
        """One round of ``rmap_write_protect()``."""

    @abstractmethod
    def dirty_cleared(self) -> ListRound:
        """One round of ``__rmap_clear_dirty()``."""

    @abstractmethod
    def collapsed(self) -> CollapseRound:
        """``kvm_mmu_zap_collapsible_spte()``."""
