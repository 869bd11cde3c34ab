"""Accessed and dirty flags that KVM sets in a guest's entries, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class EntryFlagged:
    """What is done to the entry of one level.

    Attributes:
        level: its level.
        entry: the entry, as the walk has read it (64).
        writable: the slot of its table may be written to.
        exchanges: the entry is exchanged in the guest's memory.
        own_entry: what is exchanged is the entry that the walk has read.
        against: what has to be there for that (64).
        written: what is there then (64).
        lost: something else was there, or the memory is gone.
        dirty: the frame of its table is noted as written.
        noted: what the walk knows of the entry afterwards (64).
    """

    level: int
    entry: BitVec
    writable: Bool
    exchanges: Bool
    own_entry: Bool = field(metadata=counts_where("exchanges"))
    against: BitVec = field(metadata=counts_where("exchanges"))
    written: BitVec = field(metadata=counts_where("exchanges"))
    lost: Bool
    dirty: Bool
    noted: BitVec


@dataclass(frozen=True, kw_only=True)
class WalkFlagged:
    """What is done to the entries of a walk, ``FNAME(update_accessed_dirty_bits)()``.

    Attributes:
        gpte_format: the entries' format.
        has_flags: the tables have accessed and dirty flags.
        writes: the walk is for a write.
        logs: L1 is told of the address that L2 writes to.
        log_fails: that fails.
        levels: the levels, from the root on.
        strays: anything else is exchanged in the guest's memory.
        answer: 0 if the walk goes on with what it has read (32).
        evidence: how it came about.
    """

    gpte_format: GpteFormat
    has_flags: Bool
    writes: Bool
    logs: Bool
    log_fails: Bool
    levels: tuple[EntryFlagged, ...]
    strays: Bool
    answer: BitVec
    evidence: Evidence


class GpteFlags(ABC):
    """Flags that are set in a guest's entries."""

    @abstractmethod
    def set_in(self, gpte_format: GpteFormat, top: int, last: int) -> WalkFlagged:
        """Those of a walk from one level down to another."""
