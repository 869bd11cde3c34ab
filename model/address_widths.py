"""How wide the processor's addresses are, as a proof sees it: what KVM takes for that, and what the processor says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec


@dataclass(frozen=True, kw_only=True)
class HostAddressWidth:
    """What KVM takes for the width of the processor's physical addresses.

    Attributes:
        last_leaf: the highest extended leaf of CPUID that there is (32).
        told: EAX of the leaf that tells the width (32).
        found: the width that the host has, less what it gives up for the encryption of memory (8).
        taken: what KVM takes for it (8).
        evidence: how it came about.
    """

    last_leaf: BitVec
    told: BitVec
    found: BitVec
    taken: BitVec
    evidence: Evidence


class AddressWidths(ABC):
    """Widths of addresses."""

    @abstractmethod
    def of_host(self) -> HostAddressWidth:
        """``kvm_get_host_maxphyaddr()``, and where what it answers is kept."""
