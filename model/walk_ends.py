"""Where KVM's software walks of guest page tables end, and what they hand on, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import AT_LEAST, counts_where
from mmuproof.model.walks import GpteFormat, GuestWalk
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True)
class LastEntry:
    """Whether a walk ends at an entry.

    Attributes:
        ends: it does.
        evidence: how that came about.
    """

    ends: Bool
    evidence: Evidence


@dataclass(frozen=True)
class Protected:
    """What is left of an access when the entry may be clean.

    Attributes:
        access: the ACC_* bits (32).
        evidence: how they came about.
    """

    access: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class WalkedLevel:
    """What a walk has noted of one level.

    Attributes:
        used: the walk has succeeded, and was at this level on the way.
        table_gfn: the frame of the table whose entry was read (64).
        pte_gpa: where that entry is (64).
        read_there: the entry was read from where the slot of that address has it in the host.
        shown: that slot is one that the guest sees.
        well_formed: the entry's reserved bits have been looked at, as an entry's of this level, and none was set.
        pt_access: the ACC_* bits of all entries above it (32).
    """

    used: Bool = field(metadata=AT_LEAST)
    table_gfn: BitVec = field(metadata=counts_where("used"))
    pte_gpa: BitVec = field(metadata=counts_where("used"))
    read_there: Bool = field(metadata=counts_where("used"))
    shown: Bool = field(metadata=counts_where("used"))
    well_formed: Bool = field(metadata=counts_where("used"))
    pt_access: BitVec = field(metadata=counts_where("used"))


@dataclass(frozen=True, kw_only=True)
class WholeWalk:
    """A walk of guest tables, ``FNAME(walk_addr_generic)()``, and its ``struct guest_walker`` afterwards.

    Attributes:
        succeeded: the walk has found a frame that the access may use.
        addr: the address that is walked (64).
        access: the access that is walked for, PFERR_* bits (64).
        first: what leads to the first table that is read, whose frame bits 51:12 are (64): CR3, EPTP, or a PDPTE.
        pdpte: which PDPTE that is (32); 0 where it is none.
        pse36: the guest's processor has PSE-36.
        allowed: the judgement of what all entries grant was that the access is allowed.
        level: where the walk has ended (32).
        gfn: the frame that it has come to (64).
        judged: the ACC_* bits that are judged, those of all entries (32).
        pte_access: those that are handed on (32).
        levels: what is noted of each level, from the first to the last that there is.
        evidence: how it came about.
    """

    succeeded: Bool = field(metadata=AT_LEAST)
    addr: BitVec
    access: BitVec
    first: BitVec
    pdpte: BitVec
    pse36: Bool
    allowed: Bool
    level: BitVec = field(metadata=counts_where("succeeded"))
    gfn: BitVec = field(metadata=counts_where("succeeded"))
    judged: BitVec = field(metadata=counts_where("succeeded"))
    pte_access: BitVec = field(metadata=counts_where("succeeded"))
    levels: tuple[WalkedLevel, ...]
    evidence: Evidence


class WalkEnds(ABC):
    """The end of a walk, and what it hands on."""

    @abstractmethod
    def is_last_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, level: BitVec, gpte: BitVec) -> LastEntry:
        """``FNAME(is_last_gpte)()``: ``level`` has 32 bits, a guest entry 64."""

    @abstractmethod
    def protect_clean_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, access: BitVec, gpte: BitVec) -> Protected:
        """``FNAME(protect_clean_gpte)()``: ``access`` has 32 bits, a guest entry 64."""

    @abstractmethod
    def whole_walk(
        self, gpte_format: GpteFormat, levels: int, entries: Sequence[BitVec], *, cr4_pse: Bool, accessed_dirty: Bool
    ) -> WholeWalk:
        """A walk of tables whose addresses are L1's, so that nothing is translated on the way.

        Args:
            gpte_format: the code that walks.
            levels: ``role.level``, how many there are.
            entries: what is read, from the root's table down to the PTE; the PDPTE of PAE paging is not among them.
            cr4_pse: ``role.cr4_pse``.
            accessed_dirty: whether the tables have accessed and dirty flags; ordinary ones always have.
        """
