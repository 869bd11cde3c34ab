"""What is on: questions that KVM's MMU asks of its state, and the state that means the answer, as a proof sees them."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


class Question(enum.Enum):
    """A question, by the function that answers it."""

    NX_HUGE_PAGES = "is_nx_huge_page_enabled"
    """Whether the mitigation of iTLB multihit is on: ``nx_huge_pages`` and ``disable_nx_huge_pages``."""
    LOGS_WRITES = "kvm_slot_dirty_track_enabled"
    """Whether a memory slot logs writes: ``flags``."""
    NEEDS_WRITE_PROTECTION = "kvm_mmu_page_ad_need_write_protect"
    """Whether PML cannot log the writes to a page's SPTEs: ``cpu_dirty_log_size`` and ``guest_mode``."""
    MIRROR = "is_mirror_sp"
    """Whether a page mirrors tables that only TDX can change: ``is_mirror``."""
    GUEST_MODE = "is_guest_mode"
    """Whether a vCPU runs L2: ``hflags``."""
    SMM = "is_smm"
    """Whether a vCPU is in system-management mode: ``hflags``."""
    REVERSE_MAPS = "kvm_memslots_have_rmaps"
    """Whether slots may have lists of SPTEs: ``tdp_mmu_enabled`` and ``shadow_root_allocated``."""
    VISIBLE_SLOT = "kvm_is_visible_memslot"
    """Whether a guest sees a memory slot: ``id`` and ``flags``."""


@dataclass(frozen=True)
class SettingAnswer:
    """What a function answers.

    Attributes:
        holds: the answer.
        state: what it has to come from, by the names that `Question` has (32 bits each).
        evidence: how it came about.
    """

    holds: Bool
    state: Mapping[str, BitVec]
    evidence: Evidence


class Settings(ABC):
    """The answers."""

    @abstractmethod
    def answer(self, question: Question) -> SettingAnswer:
        """What the function answers, whatever the state."""
