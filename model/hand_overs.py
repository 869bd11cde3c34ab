"""What functions hand on that do nothing else themselves, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import Bool


class HandOver(enum.Enum):
    """A function between two that are proved, by its name."""

    NOTES_MAPPING = "rmap_add"
    """What maps a frame is noted, with memory of the vCPU's."""
    LINKS = "link_shadow_page"
    """A page of SPTEs is linked, with memory of the vCPU's; what was there before is flushed."""
    SETS_ACCESS = "kvm_mmu_page_set_access"
    """The rights that a guest's entry gives are noted, its frame kept."""
    CHANGED = "handle_changed_spte"
    """What an SPTE's change asks for in the TDP MMU is done."""
    GIVES_UP = "kvm_mmu_prepare_zap_page"
    """A page of SPTEs is given up, and all that is below it."""
    WALKS_64 = "paging64_walk_addr"
    """The guest's tables of 8-byte entries are walked: those of the MMU in use."""
    WALKS_32 = "paging32_walk_addr"
    """The same of 4-byte entries."""
    WALKS_EPT = "ept_walk_addr"
    """The same of L1's EPT."""
    INTERCEPTED = "kvm_handle_page_fault"
    """A page fault that was intercepted is handled; none that the host has sent in its own matters."""
    OF_TDP = "kvm_tdp_page_fault"
    """A fault on tables for two-dimensional paging goes to the MMU that builds them."""
    RELOADS = "kvm_mmu_reload"
    """Before a guest is entered, roots that are obsolete are given up, and one is made where there is none."""
    WRITES = "emulator_write_guest"
    """What an emulated instruction writes to the guest's memory is told to the MMU, which may shadow tables there."""
    ENDS_FAULT = "kvm_mmu_finish_page_fault"
    """The host's page of a fault is given back."""
    GIVES_UP_ALL = "kvm_arch_flush_shadow_all"
    """All pages of SPTEs of a VM that ends are given up."""


@dataclass(frozen=True, kw_only=True)
class HandedOn:
    """What becomes of a call.

    Attributes:
        to: whom it goes to.
        nested: L2 runs on tables that L1 has made for it.
        when: it has to go there.
        made: it does.
        given: what goes with it, in words, and whether it is that.
        answers: what comes back is answered, if anything is.
        evidence: how it came about.
    """

    to: str
    nested: bool
    when: Bool
    made: Bool
    given: Mapping[str, Bool]
    answers: Bool
    evidence: Evidence


NESTED: Mapping[HandOver, tuple[bool, ...]] = MappingProxyType(
    {HandOver.WALKS_64: (False, True), HandOver.WALKS_32: (False, True), HandOver.WALKS_EPT: (True,)}
)
"""Whether L2 may run on tables that L1 has made, where that makes a difference."""


class HandOvers(ABC):
    """What is handed on."""

    @abstractmethod
    def handed_on(self, by: HandOver) -> tuple[HandedOn, ...]:
        """What a function hands on, by whom it may go to; none if the tree has no such function between."""
