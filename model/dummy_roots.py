"""The root that stands for tables a guest cannot have, and the page of any other root, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class DummyRoot:
    """The dummy root, and what is taken for it.

    Attributes:
        address: its address (64).
        zeros: the frame of which Linux says that it is the page of zeros (64).
        root: the address of any root (64).
        is_dummy: that is taken for the dummy.
        has_page: it is taken for a root with a page of SPTEs.
        page_sought: the address for which that page is sought (64).
        evidence: how it came about.
    """

    address: BitVec
    zeros: BitVec
    root: BitVec
    is_dummy: Bool
    has_page: Bool
    page_sought: BitVec = field(metadata=counts_where("has_page"))
    evidence: Evidence


class DummyRoots(ABC):
    """What stands for tables that a guest cannot have."""

    @abstractmethod
    def told(self) -> DummyRoot:
        """``kvm_mmu_get_dummy_root()``, ``kvm_mmu_is_dummy_root()`` and ``root_to_sp()``."""
