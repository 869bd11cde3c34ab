"""What KVM answers a fault once it has mapped a page, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


class Mapper(enum.Enum):
    """What maps a page, by the function that does it."""

    TDP = "tdp_mmu_map_handle_target_level"
    SHADOW = "mmu_set_spte"


@dataclass(frozen=True, kw_only=True)
class MapAnswered:
    """An entry that is to map a page, and what is answered; entries have 64 bits.

    Attributes:
        function: what maps it.
        level: the level of the entry (32).
        writes: there is a fault, of a write.
        makes: an SPTE is made for the page.
        protected: it is write-protected, by what makes it.
        makes_mmio: an MMIO SPTE is made instead.
        is_mmio: what was made is taken for an MMIO SPTE.
        made: what was made.
        before: what the entry holds at first.
        after: what it holds afterwards.
        fixed: the access may be tried again, since the entry allows it now.
        spurious: the access may be tried again, since the entry allowed it already.
        retries: the fault begins anew.
        emulates: the access is emulated, as one to MMIO.
        emulates_write: it is emulated, or the page unprotected, as one to a page whose writes have to be seen.
        evidence: how it came about.
    """

    function: str
    level: BitVec
    writes: Bool
    makes: Bool
    protected: Bool
    makes_mmio: Bool
    is_mmio: Bool
    made: BitVec = field(metadata=counts_where("makes"))
    before: BitVec
    after: BitVec
    fixed: Bool
    spurious: Bool
    retries: Bool
    emulates: Bool
    emulates_write: Bool
    evidence: Evidence


class MapAnswers(ABC):
    """What is answered when a page has been mapped."""

    @abstractmethod
    def answered(self, mapper: Mapper) -> MapAnswered:
        """``tdp_mmu_map_handle_target_level()`` or ``mmu_set_spte()``."""
