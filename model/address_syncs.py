"""How one address is brought up to date below a root of the shadow MMU, as a proof sees it: any step of the walk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class AddressStep:
    """Any one step of the walk for an address below a root.

    Attributes:
        has_root: there is a root.
        walks: the walk is begun, for the address and the root that are told.
        forgets_mmio: that the address is one of MMIO is forgotten.
        here: the walk stands at an entry.
        unsync: the entry's page is out of sync.
        below: some page below it is.
        synced: the entry is synchronized.
        fails: that has failed, and the entry may be stale.
        changes: the entry has changed by it, or may be stale.
        dropped: the entry is taken away.
        flushed: what the entry has translated is flushed.
        goes_on: the walk goes on below.
        evidence: how it came about.
    """

    has_root: Bool
    walks: Bool
    forgets_mmio: Bool
    here: Bool
    unsync: Bool
    below: Bool
    synced: Bool
    fails: Bool = field(metadata=counts_where("synced"))
    changes: Bool = field(metadata=counts_where("synced"))
    dropped: Bool
    flushed: Bool
    goes_on: Bool
    evidence: Evidence


class AddressSyncs(ABC):
    """Bringing single addresses up to date."""

    @abstractmethod
    def step(self) -> AddressStep:
        """``__kvm_mmu_invalidate_addr()``."""
