"""Logging the dirty pages of a slot, as a proof sees it: what is write-protected, and what is flushed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class FlagsApplied:
    """What is done about a slot whose flags change.

    Attributes:
        function: what does it.
        old_flags: the slot's flags before (32).
        new_flags: those afterwards (32).
        change: what changes of the slot, a ``KVM_MR_*`` (32).
        manual_protect: what userspace has chosen with ``KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2`` (64).
        processor_logs: the processor itself logs what it writes to, where D is clear.
        protects: the slot's pages are write-protected.
        protects_from: from this level on (32).
        clears_dirty: D of the slot's small pages is cleared.
        flushes: the slot's translations are flushed after all of that, whatever it has found to change.
        evidence: how it came about.
    """

    function: str
    old_flags: BitVec
    new_flags: BitVec
    change: BitVec
    manual_protect: BitVec
    processor_logs: Bool
    protects: Bool
    protects_from: BitVec = field(metadata=counts_where("protects"))
    clears_dirty: Bool
    flushes: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class HugePagesProtected:
    """A call that write-protects the huge pages around a frame.

    Attributes:
        when: it is made.
        gfn: the frame (64).
        min_level: from this level on (32).
    """

    when: Bool
    gfn: BitVec
    min_level: BitVec


@dataclass(frozen=True, kw_only=True)
class MaskLogged:
    """What is done when userspace has been told of dirty pages, and those of a mask are to be logged again.

    Attributes:
        function: what does it.
        base_gfn: the slot's first frame (64).
        offset: the frame that bit 0 of the mask is for, counted from there (64).
        mask: a bit for each frame (64).
        starts_dirty: the slot began with all its pages dirty, and with nothing write-protected.
        huge_pages: the huge pages that are write-protected then.
        small_pages: the small pages of the whole mask are write-protected, or their D is cleared.
        evidence: how it came about.
    """

    function: str
    base_gfn: BitVec
    offset: BitVec
    mask: BitVec
    starts_dirty: Bool
    huge_pages: Sequence[HugePagesProtected]
    small_pages: Bool
    evidence: Evidence


class DirtyLogging(ABC):
    """What is done when the dirty pages of a slot are to be logged from now on."""

    @abstractmethod
    def flags_applied(self) -> FlagsApplied:
        """``kvm_mmu_slot_apply_flags()`` of a slot that was there before and still is."""

    @abstractmethod
    def mask_logged(self) -> MaskLogged:
        """``kvm_arch_mmu_enable_log_dirty_pt_masked()``."""
