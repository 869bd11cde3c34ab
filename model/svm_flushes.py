"""Flushing the TLB of a processor with SVM, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


class SvmFlush(enum.Enum):
    """What is flushed, by its function."""

    CURRENT = "svm_flush_tlb_current"
    """What KVM's own tables translate."""
    ALL = "svm_flush_tlb_all"
    """All of the guest's."""
    GUEST = "svm_flush_tlb_guest"
    """What the guest's tables translate."""
    ADDRESS = "svm_flush_tlb_gva"
    """What they translate one address to."""


@dataclass(frozen=True, kw_only=True)
class AsidFlushed:
    """What the processor is to forget.

    Attributes:
        function: what flushes.
        by_asid: the processor can flush one ASID.
        control: TLB_CONTROL, which the next VMRUN obeys (8).
        another_asid: the guest gets another ASID before it runs again.
        one_address: the processor has forgotten the address that is asked for, with the guest's ASID.
        evidence: how it came about.
    """

    function: str
    by_asid: Bool
    control: BitVec
    another_asid: Bool
    one_address: Bool
    evidence: Evidence


class SvmFlushes(ABC):
    """What flushes the TLB of a processor with SVM."""

    @abstractmethod
    def flushed(self, flush: SvmFlush) -> AsidFlushed:
        """``svm_flush_tlb_asid()`` and who calls it."""
