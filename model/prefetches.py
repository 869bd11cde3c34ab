"""What the shadow MMU maps ahead of any access, as a proof sees it: entries beside the one of a fault."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool

GROUP = 8
"""How many entries are mapped ahead at once, with that of the fault: those at a multiple and after it."""


@dataclass(frozen=True, kw_only=True)
class PrefetchChosen:
    """Which entries around that of a fault are mapped ahead, and when.

    Attributes:
        function: what chooses them.
        level: the level of their page (32).
        direct: the page has no table of the guest's behind it.
        accessed_bits: its SPTEs have accessed bits.
        invalidating: the host is taking memory away.
        ahead: some entry is mapped ahead.
        present: one is that maps something already.
        outside: one is that is not of the group around it.
        otherwise: one is by another entry of the guest's than its own, or for another page of SPTEs.
        unfit: entries are by the guest's although their page has no table of its, or by their places although it has.
        evidence: how it came about.
    """

    function: str
    level: BitVec
    direct: Bool
    accessed_bits: Bool
    invalidating: Bool
    ahead: Bool
    present: Bool = field(metadata=counts_where("ahead"))
    outside: Bool = field(metadata=counts_where("ahead"))
    otherwise: Bool = field(metadata=counts_where("ahead"))
    unfit: Bool = field(metadata=counts_where("ahead"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PrefetchMapped:
    """What entries get that are mapped ahead.

    Attributes:
        writable: they may be written through.
        logged: writes to the slot are logged.
        invalid: the slot is being taken away.
        made: an entry is made.
        another_slot: it is for another slot than that of its frame.
        another_frame: it gets another frame, or another page of the host's, than its place says, or is to get one.
        another_access: it gets another access than is told, or is to get another than that of its page.
        evidence: how it came about.
    """

    writable: Bool
    logged: Bool
    invalid: Bool
    made: Bool
    another_slot: Bool = field(metadata=counts_where("made"))
    another_frame: Bool
    another_access: Bool
    evidence: Evidence


class Prefetches(ABC):
    """What is mapped ahead of any access."""

    @abstractmethod
    def chosen(self) -> PrefetchChosen:
        """``direct_pte_prefetch()``."""

    @abstractmethod
    def chosen_of_guest(self, gpte_format: GpteFormat) -> PrefetchChosen:
        """``FNAME(pte_prefetch)()``, for guests with tables of a format."""

    @abstractmethod
    def mapped(self) -> PrefetchMapped:
        """``kvm_mmu_prefetch_sptes()``, or ``direct_pte_prefetch_many()`` where there is none."""
