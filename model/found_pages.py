"""Looking for a page of SPTEs that there is already, as a proof sees it: which one is taken."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class FoundPage:
    """A page that is taken instead of a new one, for any page of any list.

    Attributes:
        function: what looks for it.
        gfn: the frame that the page is to be for (64).
        role: the role that it is to have (32).
        found: a page is taken.
        found_gfn: the frame that this page is for (64).
        found_role: its role (32).
        direct: it shadows no table.
        of_tdp: it is the TDP MMU's.
        made_in: the generation of tables in which it was made (8).
        generation: the one of now (8).
        unsync: its SPTEs may not be what the guest's entries are.
        synced: they are made so before the page is taken.
        changed: some SPTE has changed by that.
        flushed: what hardware has cached is flushed before the page is taken.
        evidence: how it came about.
    """

    function: str
    gfn: BitVec
    role: BitVec
    found: Bool
    found_gfn: BitVec = field(metadata=counts_where("found"))
    found_role: BitVec = field(metadata=counts_where("found"))
    direct: Bool = field(metadata=counts_where("found"))
    of_tdp: Bool = field(metadata=counts_where("found"))
    made_in: BitVec = field(metadata=counts_where("found"))
    generation: BitVec
    unsync: Bool = field(metadata=counts_where("found"))
    synced: Bool = field(metadata=counts_where("found"))
    changed: Bool = field(metadata=counts_where("found"))
    flushed: Bool = field(metadata=counts_where("found"))
    evidence: Evidence


class FoundPages(ABC):
    """What looks for pages of SPTEs."""

    @abstractmethod
    def found(self) -> FoundPage:
        """``kvm_mmu_find_shadow_page()``, any round of its loop."""
