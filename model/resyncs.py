"""How SPTEs follow single entries of guest tables, as a proof sees it: synchronizing one, and mapping one ahead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class GuestEntryRead:
    """A guest entry of which an SPTE is to be made, and what is known besides.

    Attributes:
        gpte: the entry as it is now (64).
        role_access: what the entries above grant, ``sp->role.access`` (32).
        accessed_dirty: the tables have accessed and dirty flags, by the role.
        reserved: the entry has a reserved bit, or is misconfigured.
    """

    gpte: BitVec
    role_access: BitVec
    accessed_dirty: Bool
    reserved: Bool


@dataclass(frozen=True, kw_only=True)
class Resynced:
    """What ``FNAME(sync_spte)()`` does with one SPTE; addresses and entries have 64 bits.

    Attributes:
        caller: the function.
        entry: the guest's entry.
        ready: the SPTE is one that can be synchronized, of a page of level 1, and the entry could be read.
        asked_gpa: where the guest's entry is read.
        table_gfn: the frame of the guest's table.
        quadrant: which part of that table the page shadows (32).
        noted_gfn: the frame that is noted for the SPTE.
        noted_access: the ACC_* bits that are noted for it (32).
        dropped: the SPTE is dropped.
        made: make_spte() is asked for another.
        made_access: the ACC_* bits that this is told (32).
        made_gfn: the frame that it is told.
        made_pfn: the host's frame that it is told.
        made_old_spte: the SPTE that it is told is replaced.
        made_host_writable: it is told that the host may write the page.
        made_in_slot: it is told the slot that the vCPU has at that frame, and the SPTE's own page.
        made_synchronizing: it is told that no page may get out of sync for this SPTE.
        host_writable: the host may write the page, by ``shadow_host_writable_mask`` in the SPTE.
        renoted_access: the ACC_* bits that are noted instead (32).
        mmio: make_mmio_spte() is asked for another.
        mmio_access: the ACC_* bits that this is told (32).
        mmio_gfn: the frame that it is told.
        index: which SPTE of its page it is (32).
        before: the SPTE before.
        replaced: the SPTE is not dropped: what it is afterwards is known.
        after: the SPTE afterwards.
        new: what make_spte() makes.
        new_mmio: what make_mmio_spte() makes.
        beside: another SPTE is changed, or what is noted is of another.
        flushes: the result asks for a flush.
        evidence: how it came about.
    """

    caller: str
    entry: GuestEntryRead
    ready: Bool
    asked_gpa: BitVec
    table_gfn: BitVec
    quadrant: BitVec
    noted_gfn: BitVec
    noted_access: BitVec
    dropped: Bool = field(metadata=counts_where("ready"))
    made: Bool = field(metadata=counts_where("ready"))
    made_access: BitVec = field(metadata=counts_where("made"))
    made_gfn: BitVec = field(metadata=counts_where("made"))
    made_pfn: BitVec = field(metadata=counts_where("made"))
    made_old_spte: BitVec = field(metadata=counts_where("made"))
    made_host_writable: Bool = field(metadata=counts_where("made"))
    made_in_slot: Bool = field(metadata=counts_where("made"))
    made_synchronizing: Bool = field(metadata=counts_where("made"))
    host_writable: Bool
    renoted_access: BitVec = field(metadata=counts_where("made"))
    mmio: Bool = field(metadata=counts_where("ready"))
    mmio_access: BitVec = field(metadata=counts_where("mmio"))
    mmio_gfn: BitVec = field(metadata=counts_where("mmio"))
    index: BitVec
    before: BitVec
    replaced: Bool
    after: BitVec = field(metadata=counts_where("replaced"))
    new: BitVec
    new_mmio: BitVec
    beside: Bool
    flushes: Bool = field(metadata=counts_where("ready"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MappedAhead:
    """What ``FNAME(prefetch_gpte)()`` asks to be mapped.

    Attributes:
        caller: the function.
        entry: the guest's entry.
        asked: it asks.
        access: the ACC_* bits that it asks for (32).
        gfn: the frame that it asks for (64).
        evidence: how it came about.
    """

    caller: str
    entry: GuestEntryRead
    asked: Bool
    access: BitVec = field(metadata=counts_where("asked"))
    gfn: BitVec = field(metadata=counts_where("asked"))
    evidence: Evidence


class Resyncs(ABC):
    """What is made of single entries of guest tables."""

    @abstractmethod
    def sync_spte(self, gpte_format: GpteFormat) -> Resynced:
        """``FNAME(sync_spte)()``."""

    @abstractmethod
    def prefetch_gpte(self, gpte_format: GpteFormat) -> MappedAhead:
        """``FNAME(prefetch_gpte)()``."""
