"""Tables of small pages that become huge pages, as a proof sees them: the SPTE, the flush, and who may run between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class HugeSpteMade:
    """Any one round of the search for a small page that says what a huge one is to be like.

    Attributes:
        begins_there: the search begins at the first entry of the table that the entry above leads to.
        in_range: it stands at an entry of what the entry above translates.
        level: the level of that entry (32).
        spte: what it holds (64).
        above_level: the level of the entry above (32).
        made: a huge SPTE is made.
        of_spte: of which small one (64).
        of_level: for which level (32).
        stored: that is what is handed on.
        goes_on: another round follows.
        succeeds: the function says that there is one.
        evidence: how it came about.
    """

    begins_there: Bool
    in_range: Bool
    level: BitVec
    spte: BitVec
    above_level: BitVec
    made: Bool
    of_spte: BitVec = field(metadata=counts_where("made"))
    of_level: BitVec = field(metadata=counts_where("made"))
    stored: Bool = field(metadata=counts_where("made"))
    goes_on: Bool
    succeeds: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ReplacedTable:
    """Any one round of the walk that puts huge pages in place of tables, as far as flushes go.

    Attributes:
        yielded: others have been let in.
        told: they were told that a flush is due.
        replaced: an entry leads to a table no longer.
        due: a flush is due when the round begins.
        goes_on: another round follows.
        due_after: a flush is due when that begins.
        ends: the walk has ended.
        flushed: all frames of the slot are flushed then, before tables that nothing leads to may be freed.
        evidence: how it came about.
    """

    yielded: Bool
    told: Bool = field(metadata=counts_where("yielded"))
    replaced: Bool
    due: Bool
    goes_on: Bool
    due_after: Bool = field(metadata=counts_where("goes_on"))
    ends: Bool
    flushed: Bool = field(metadata=counts_where("ends"))
    evidence: Evidence


class RecoveredPages(ABC):
    """Huge pages in place of tables of small ones."""

    @abstractmethod
    def made(self) -> HugeSpteMade:
        """``tdp_mmu_make_huge_spte()``."""

    @abstractmethod
    def replaced(self) -> ReplacedTable:
        """``recover_huge_pages_range()``."""
