"""The roots that an MMU keeps, as a proof sees them: which are given up, brought up to date and loaded."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool

PAE_ENTRIES = 4


class RootsSwept(enum.Enum):
    """What goes through the roots that an MMU keeps, by the function that does it."""

    OBSOLETE = "__kvm_mmu_free_obsolete_roots"
    """Those go that memory slots have left behind."""
    GUEST_MODE = "kvm_mmu_free_guest_mode_roots"
    """Those of an L2 go."""
    UNSYNC = "kvm_mmu_sync_prev_roots"
    """Those go whose tables may be out of sync."""


@dataclass(frozen=True, kw_only=True)
class RootMet:
    """A root that an MMU keeps.

    Attributes:
        in_use: it is the one in use; the others are earlier ones.
        hpa: its address (64).
        dummy: it is the page of zeros, which has no page of SPTEs.
        with_page: it has one.
        guest_mode: that is for an L2.
        invalid: that is given up.
        of_tdp: that is one of the TDP MMU.
        made_in: the generation in which that was made (8).
        unsync: that is out of sync.
        unsync_below: some page below is.
        freed: the root is given up.
    """

    in_use: bool
    hpa: BitVec
    dummy: Bool
    with_page: Bool
    guest_mode: Bool
    invalid: Bool
    of_tdp: Bool
    made_in: BitVec
    unsync: Bool
    unsync_below: Bool
    freed: Bool


@dataclass(frozen=True, kw_only=True)
class RootsGone:
    """What goes of the roots of an MMU.

    Attributes:
        function: what goes through them.
        generation: the generation that counts (8).
        roots: the roots, that in use first.
        evidence: how it came about.
    """

    function: str
    generation: BitVec
    roots: Sequence[RootMet]
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootsSynced:
    """The tables of the root in use are brought up to date, ``kvm_mmu_sync_roots()``.

    Attributes:
        direct: no tables of the guest's are shadowed.
        root: the root in use.
        guest_level: how many levels the guest's tables have (4).
        entries: the entries of the PAE root (64 each).
        synced: the pages below the root's are brought up to date.
        synced_entries: those below an entry's.
        mmio_forgotten: the last access to MMIO is forgotten.
        evidence: how it came about.
    """

    direct: Bool
    root: RootMet
    guest_level: BitVec
    entries: tuple[BitVec, ...]
    synced: Bool
    synced_entries: tuple[Bool, ...]
    mmio_forgotten: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootPageFreed:
    """A root is given up, ``mmu_free_root_page()``.

    Attributes:
        hpa: its address (64).
        hpa_after: what stands there afterwards (64).
        with_page: it has a page.
        of_tdp: its page is one of the TDP MMU.
        invalid: that is given up.
        count: how many use it as a root (32).
        count_after: how many do afterwards (32).
        put: the TDP MMU is told.
        zapped: the page is taken apart.
        evidence: how it came about.
    """

    hpa: BitVec
    hpa_after: BitVec
    with_page: Bool
    of_tdp: Bool
    invalid: Bool
    count: BitVec
    count_after: BitVec
    put: Bool
    zapped: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootsLoaded:
    """A vCPU gets tables, ``kvm_mmu_load()``.

    Attributes:
        direct: no tables of the guest's are shadowed.
        topped_up: there is memory for pages.
        special: there are the tables above a PAE root, where some are needed.
        made_direct: roots are made that map frames.
        made_shadow: roots are made that shadow the guest's tables.
        made: that has succeeded.
        synced: they are brought up to date, after they are made.
        loaded: the hardware gets them, after that.
        flushed: what the processor has cached is forgotten, after that.
        answer: 0 if the vCPU may run (32).
        evidence: how it came about.
    """

    direct: Bool
    topped_up: Bool
    special: Bool
    made_direct: Bool
    made_shadow: Bool
    made: Bool
    synced: Bool
    loaded: Bool
    flushed: Bool
    answer: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootsUnloaded:
    """All roots of a vCPU go, ``kvm_mmu_unload()``.

    Attributes:
        own: all of those of its own tables.
        nested: all of those for L2.
        mmio_forgotten: the last access to MMIO is forgotten.
        evidence: how it came about.
    """

    own: Bool
    nested: Bool
    mmio_forgotten: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ContextReset:
    """What is done where a vCPU's MMUs are set up anew, ``kvm_mmu_reset_context()``.

    Attributes:
        given_up: all roots of the vCPU go.
        set_up: the MMU in use is set up for what the vCPU is now.
        evidence: how it came about.
    """

    given_up: Bool
    set_up: Bool
    evidence: Evidence


class KeptRoots(ABC):
    """The roots that an MMU keeps."""

    @abstractmethod
    def swept(self, who: RootsSwept) -> RootsGone:
        """What goes of them."""

    @abstractmethod
    def synced(self) -> RootsSynced:
        """``kvm_mmu_sync_roots()``."""

    @abstractmethod
    def page_freed(self) -> RootPageFreed:
        """``mmu_free_root_page()``."""

    @abstractmethod
    def loaded(self) -> RootsLoaded:
        """``kvm_mmu_load()``."""

    @abstractmethod
    def unloaded(self) -> RootsUnloaded:
        """``kvm_mmu_unload()``."""

    @abstractmethod
    def context_reset(self) -> ContextReset:
        """``kvm_mmu_reset_context()``."""
