"""What is handed on to the list of what maps a frame, or to the lists of a range of frames, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool

HUGEST = 3
"""The highest level of huge pages."""


class FrameHandler(enum.Enum):
    """What a walk through a slot does to each list, by its function."""

    ZAP = "kvm_zap_rmap"
    """All SPTEs of the list are taken away."""
    WRITE_PROTECT = "slot_rmap_write_protect"
    """They lose the right to write, until a fault gives it back."""


@dataclass(frozen=True, kw_only=True)
class ListHandled:
    """What becomes of a list.

    Attributes:
        done: it is done to the list, as it is to be.
        answer: some SPTE of the list has changed, by what is answered.
        changed: the same, by what is told of the list.
        evidence: how it came about.
    """

    done: Bool
    answer: Bool
    changed: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RangeHandedOn:
    """How all that maps a range of a slot's frames is taken away.

    Attributes:
        whole: it is, of that slot and of all its frames in the range.
        levels: at which levels, from 1 on.
        keeps_flush: a flush that was due before is due still.
        flushes: a flush that is due is made before the lock is given up.
        yields: the lock may be given up.
        may_yield: that is allowed.
        answer: a flush is due, by what is answered.
        due: the same, by what is told of the walk.
        evidence: how it came about.
    """

    whole: Bool
    levels: tuple[Bool, ...]
    keeps_flush: Bool
    flushes: Bool
    yields: Bool
    may_yield: Bool
    answer: Bool
    due: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class VcpuFrameProtected:
    """How a frame is write-protected on behalf of a vCPU.

    Attributes:
        own_slot: its slot is looked up in the vCPU's address space.
        done: the frame is, in that slot, from level 1 on.
        answer: some SPTE has changed, by what is answered.
        changed: the same, by what is told of the slot.
        evidence: how it came about.
    """

    own_slot: Bool
    done: Bool
    answer: Bool
    changed: Bool
    evidence: Evidence


class FrameHandlers(ABC):
    """What is handed on to lists of what maps frames."""

    @abstractmethod
    def handled(self, handler: FrameHandler) -> ListHandled:
        """What a handler does to one list."""

    @abstractmethod
    def zapped(self) -> RangeHandedOn | None:
        """``__kvm_rmap_zap_gfn_range()``; None if it is part of its callers."""

    @abstractmethod
    def protected(self) -> VcpuFrameProtected:
        """``kvm_vcpu_write_protect_gfn()``."""
