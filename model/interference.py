"""What KVM does to an SPTE while others write it, as a proof sees it: each access, and what is there by then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.result_fields import counts_where
from mmuproof.model.spte_changes import FastFault, SpteAt, SpteChange
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class EntryAccess:
    """One access to an SPTE that others write as well; all values have 64 bits.

    Attributes:
        happens: whether there is this access.
        writes: whether it is a write; otherwise the SPTE is read.
        known: what this CPU has read or written there last.  A write that is one step with a read knows what this has
            found.
        found: what is there at the access.
        left: what is there after it.
    """

    happens: Bool
    writes: bool
    known: BitVec = field(metadata=counts_where("happens"))
    found: BitVec = field(metadata=counts_where("happens"))
    left: BitVec = field(metadata=counts_where("happens"))


@dataclass(frozen=True, kw_only=True)
class Interfered:
    """An operation on an SPTE that others write as well; SPTEs have 64 bits.

    Attributes:
        accesses: in their order.
        ends: it comes to its end without trying anything again.
        last: what it has read or written there last.
        goes_back: it begins anew, as it does with an SPTE that a walk has just found.
        judged_anew: what it takes the SPTE for then.
        known_anew: what it has read or written there last by then.
        tells: it says what it has replaced, so that this is accounted for.
        told: that value.
        evidence: how it came about.
    """

    accesses: tuple[EntryAccess, ...]
    ends: Bool
    last: BitVec = field(metadata=counts_where("ends"))
    goes_back: Bool
    judged_anew: BitVec = field(metadata=counts_where("goes_back"))
    known_anew: BitVec = field(metadata=counts_where("goes_back"))
    tells: Bool
    told: BitVec = field(metadata=counts_where("tells"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class InterferedFault:
    """A try of ``fast_page_fault()`` on an SPTE that others write as well.

    Attributes:
        accesses: in their order.
        ends: it is the last try.
        fixed: it ends with RET_PF_FIXED.
        evidence: how it came about.
    """

    accesses: tuple[EntryAccess, ...]
    ends: Bool
    fixed: Bool = field(metadata=counts_where("ends"))
    evidence: Evidence


class Interference(ABC):
    """What changes SPTEs in place, while other CPUs do."""

    @abstractmethod
    def change(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> Interfered:
        """An operation in place; the SPTE of ``at`` is what a walk has found, if the operation comes by one."""

    @abstractmethod
    def zap_root(self, masks: ShadowMasks, at: SpteAt, zap_level: BitVec) -> Interfered:
        """``__tdp_mmu_zap_root()`` without KVM's lock for writing, down to a level (4); ``at`` as for `change`."""

    @abstractmethod
    def fast_page_fault(self, masks: ShadowMasks, fault: FastFault, level: BitVec) -> InterferedFault:
        """A try of ``fast_page_fault()``, whose walk may find anything at the entry, of a table of a level (4)."""
