"""Which faults may be fixed without KVM's lock, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class FastJudged:
    """Whether a fault may be fixed without KVM's lock.

    Attributes:
        reserved: the fault is one of a reserved bit.
        private: it is one on private memory.
        tells_apart: the VM has private memory.
        frame_private: the frame of the fault is private memory: so it is told where that is asked of it.
        may: the fault may be fixed so.
        evidence: how it came about.
    """

    reserved: Bool
    private: Bool
    tells_apart: Bool
    frame_private: Bool
    may: Bool
    evidence: Evidence


class FastFaults(ABC):
    """Which faults may be fixed without KVM's lock."""

    @abstractmethod
    def judged(self) -> FastJudged:
        """``page_fault_can_be_fast()``."""
