"""Which lists of SPTEs ageing goes through, as a proof sees it: each is kept from changing meanwhile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class AgedList:
    """What is done with the list of what maps a frame at a level.

    Attributes:
        level: the level.
        sought: the list of the frame and the level is sought, in the slot of the range.
        locked: it is kept from changing.
        walked: what is gone through is what it was when that began, without the mark of the lock.
        unlocked: it may change again afterwards, and is what it was.
    """

    level: int
    sought: Bool
    locked: Bool
    walked: Bool
    unlocked: Bool


@dataclass(frozen=True, kw_only=True)
class ListsAged:
    """What ageing does with the lists of a frame.

    Attributes:
        lists: those of each level.
        evidence: how it came about.
    """

    lists: tuple[AgedList, ...]
    evidence: Evidence


class AgedLists(ABC):
    """Which lists ageing goes through."""

    @abstractmethod
    def aged(self) -> ListsAged:
        """``kvm_rmap_age_gfn_range()``, of a range of one frame."""
