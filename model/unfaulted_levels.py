"""How large a page may be where none faults, as a proof sees it: where small pages are put together again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class LevelUnfaulted:
    """The highest level at which a frame may be mapped, no fault being handled.

    Attributes:
        private: the frame is private memory, which the slot has: so it is told where that is asked of it.
        only_guest_memory: the slot says that it has no memory of the host's beside guest memory.
        allowed: for each level from 2 on, the slot has been asked at the frame, and forbids no page of it.
        host_asked: the host's tables are asked for the level of the memory behind.
        host_level: what they say (32).
        guest_asked: guest memory is asked for it.
        guest_level: what it says (32).
        of_frame: what is asked is of the frame and its slot.
        may_be_asked: guest memory can be asked at all.
        level: the answer (32).
        evidence: how it came about.
    """

    private: Bool
    only_guest_memory: Bool
    allowed: tuple[Bool, ...]
    host_asked: Bool
    host_level: BitVec = field(metadata=counts_where("host_asked"))
    guest_asked: Bool
    guest_level: BitVec = field(metadata=counts_where("guest_asked"))
    of_frame: Bool
    may_be_asked: bool
    level: BitVec
    evidence: Evidence


class UnfaultedLevels(ABC):
    """How large a page may be where none faults."""

    @abstractmethod
    def found(self) -> LevelUnfaulted:
        """``kvm_mmu_max_mapping_level()`` without a fault."""
