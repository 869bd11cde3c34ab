"""The tables above a PAE root, as a proof sees them: whether they are there, and what they hold at first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class SpecialTable:
    """One of the tables that KVM makes itself above those that shadow a guest's.

    Attributes:
        level: its level.
        had: the MMU has had one before.
        has: it has one afterwards.
        kept: what it has is what it had.
        zeroed: it is a page that was taken for it, and was zeroed.
        own: no other of these tables is the same page.
        freed: the page that it has was given back.
    """

    level: int
    had: Bool
    has: Bool
    kept: Bool = field(metadata=counts_where("has"))
    zeroed: Bool = field(metadata=counts_where("has"))
    own: Bool
    freed: Bool


@dataclass(frozen=True, kw_only=True)
class SpecialRootsMade:
    """What is done for the tables above a PAE root.

    Attributes:
        direct: no tables of the guest's are shadowed.
        guest_level: how many levels the guest's tables have (32).
        root_level: how many KVM's have (32).
        tables: of levels 3, 4 and 5.
        answer: 0 if all are there that are needed (32).
        evidence: how it came about.
    """

    direct: Bool
    guest_level: BitVec
    root_level: BitVec
    tables: tuple[SpecialTable, ...]
    answer: BitVec
    evidence: Evidence


class SpecialRoots(ABC):
    """The tables above a PAE root."""

    @abstractmethod
    def made(self) -> SpecialRootsMade:
        """``mmu_alloc_special_roots()``."""
