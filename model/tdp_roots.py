"""How a vCPU comes by a root of the TDP MMU, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class TdpRootTaken:
    """The root that a vCPU gets.

    Attributes:
        mirror: one is wanted that mirrors a table of TDX's.
        wanted: the role that the vCPU's root is to have (32).
        found_role: the role of a root that is found (32).
        found: this root is taken.
        listed_role: the role of one that is on the list when it is looked at again (32).
        listed: this root is taken.
        held: it is held for the vCPU then.
        made: a new root is made.
        made_role: the role that it gets (32).
        made_held: it is held by the vCPU and by the list, on which it is put.
        in_place: the vCPU has the address of the root that is taken, as its root or its mirror.
        beside: of root and mirror, the other one changes.
        evidence: how it came about.
    """

    mirror: Bool
    wanted: BitVec
    found_role: BitVec
    found: Bool
    listed_role: BitVec
    listed: Bool
    held: Bool
    made: Bool
    made_role: BitVec = field(metadata=counts_where("made"))
    made_held: Bool = field(metadata=counts_where("made"))
    in_place: Bool
    beside: Bool
    evidence: Evidence


class TdpRoots(ABC):
    """Roots of the TDP MMU."""

    @abstractmethod
    def taken(self) -> TdpRootTaken:
        """``kvm_tdp_mmu_alloc_root()``, or ``kvm_tdp_mmu_get_vcpu_root_hpa()``."""
