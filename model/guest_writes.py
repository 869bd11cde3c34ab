"""A guest's write to a table that is shadowed, as a proof sees it: which SPTEs it concerns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class TableWritten:
    """What is known of a write to a guest's table, and the SPTEs that are zapped for it in one page that shadows it.

    Attributes:
        gpa: where the write begins (64).
        length: how many bytes it has (32).
        level: of the page that shadows the table (32).
        quadrant: which part of the table the page shadows (32).
        small_entries: the guest's entries have four bytes, and not eight.
        gives_up: the page is zapped as a whole.
        concerned: SPTEs of the page are zapped.
        first: the number of the first (64).
        count: how many (32).
        evidence: how it came about.
    """

    gpa: BitVec
    length: BitVec
    level: BitVec
    quadrant: BitVec
    small_entries: Bool
    gives_up: Bool
    concerned: Bool
    first: BitVec = field(metadata=counts_where("concerned"))
    count: BitVec = field(metadata=counts_where("concerned"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ComparedMember:
    """A field of a role, with what two roles have in it (32 each)."""

    name: str
    page: BitVec
    mmu: BitVec


@dataclass(frozen=True, kw_only=True)
class PageChecked:
    """Whether the SPTEs of a page may be made anew by the guest's entries.

    Attributes:
        fields: those of the page's role and of the MMU's.
        may: they may.
        evidence: how it came about.
    """

    fields: Sequence[ComparedMember]
    may: Bool
    evidence: Evidence


class GuestWrites(ABC):
    """What follows when a guest writes to its tables."""

    @abstractmethod
    def tracked(self) -> TableWritten:
        """``detect_write_misaligned()`` and ``get_written_sptes()``, which ``kvm_mmu_track_write()`` asks."""

    @abstractmethod
    def page_check(self) -> PageChecked:
        """``kvm_sync_page_check()``."""
