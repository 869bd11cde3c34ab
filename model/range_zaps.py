"""Taking away the SPTEs of a range of frames, as a proof sees it: what is zapped, what is flushed, and who waits."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

ANSWERS = ("there may be rmaps", "zapped by the shadow MMU", "zapped by the TDP MMU")
"""What is asked of code that is not followed: these are the names of the answers."""


class RangeZap(enum.Enum):
    """What takes SPTEs of a range away."""

    BY_KVM = "kvm_zap_gfn_range"
    """KVM itself, of all slots."""
    BY_HOST = "kvm_unmap_gfn_range"
    """The host's memory management, of one slot, or userspace."""


@dataclass(frozen=True, kw_only=True)
class RangeZapped:
    """What is done about a range; frames have 64 bits.

    Attributes:
        function: what does it.
        start: the range's first frame.
        end: the first behind it.
        shadowed: there may be SPTEs of the shadow MMU.
        tdp_mmu: there may be SPTEs of the TDP MMU.
        shadow_zapped: the shadow MMU is told to zap just the range.
        tdp_zapped: the TDP MMU is told so.
        shadow_stale: the shadow MMU says that hardware may still have what it has zapped.
        tdp_stale: the TDP MMU says so of what it has zapped itself.
        flushed: some frames are flushed, or whoever asks is told to flush the range.
        first: the first of them.
        pages: how many they are (64).
        faults_wait: a fault in the range that is handled meanwhile begins anew.
        evidence: how it came about.
    """

    function: str
    start: BitVec
    end: BitVec
    shadowed: Bool
    tdp_mmu: Bool
    shadow_zapped: Bool
    tdp_zapped: Bool
    shadow_stale: Bool
    tdp_stale: Bool
    flushed: Bool
    first: BitVec = field(metadata=counts_where("flushed"))
    pages: BitVec = field(metadata=counts_where("flushed"))
    faults_wait: Bool
    evidence: Evidence


class RangeZaps(ABC):
    """What takes the SPTEs of a range of frames away."""

    @abstractmethod
    def zapped(self, who: RangeZap) -> RangeZapped:
        """``kvm_zap_gfn_range()`` or ``kvm_unmap_gfn_range()``."""
