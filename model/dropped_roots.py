"""Roots of the TDP MMU that somebody holds no longer, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class RootDropped:
    """What happens to a root that is let go.

    Attributes:
        counted: it is held once less.
        last: nobody holds it then.
        unlisted: it is taken off the list of the VM's roots.
        freed: its page is freed once nobody walks it.
        listed_still: it is freed before it is taken off the list.
        at_once: its page is freed while others may walk it.
        evidence: how it came about.
    """

    counted: Bool
    last: Bool
    unlisted: Bool
    freed: Bool
    listed_still: Bool
    at_once: Bool
    evidence: Evidence


class DroppedRoots(ABC):
    """Roots that are let go."""

    @abstractmethod
    def dropped(self) -> RootDropped:
        """``kvm_tdp_mmu_put_root()``."""
