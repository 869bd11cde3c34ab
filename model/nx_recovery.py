"""Making tables huge pages again that were not to be executed, as a proof sees it: the iTLB-multihit mitigation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class NxPage:
    """A table that stands for a huge page.

    Attributes:
        logged: the dirty pages of its slot are logged.
        zapped: it is dropped, by what drops pages of its MMU.
        disallowed: it is still noted that it stands for a huge page.
        counted: it is still on the list of those that may become huge.
    """

    logged: Bool
    zapped: Bool
    disallowed: Bool
    counted: Bool


@dataclass(frozen=True, kw_only=True)
class NxRecovered:
    """What is done to two tables on the list of an MMU.

    Attributes:
        of_tdp: they are of the TDP MMU.
        pages: the tables.
        by_other: one is dropped by what drops those of the other MMU.
        beyond: something is taken for a table that is none, when the list has run out.
        unflushed: tables may be used or freed, because a lock is given up, while a flush of one that is dropped is due.
        evidence: how it came about.
    """

    of_tdp: bool
    pages: tuple[NxPage, ...]
    by_other: Bool
    beyond: Bool
    unflushed: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NxZapped:
    """A table of the TDP MMU is dropped, ``kvm_tdp_mmu_zap_possible_nx_huge_page()``.

    Attributes:
        of_tdp: the page is one of the TDP MMU.
        below: some entry leads to it, as far as it is known.
        level: of the table (32).
        gfn: the first frame that it translates (64).
        found: what that entry holds (64).
        leads: that leads to this table, at the level above.
        sets: the entry is exchanged.
        written: for this (64).
        own_entry: it is this entry, with what was found, and that is told of its level and frame.
        lost: something else was there by then.
        answer: a flush is due.
        evidence: how it came about.
    """

    of_tdp: Bool
    below: Bool
    level: BitVec
    gfn: BitVec
    found: BitVec
    leads: Bool
    sets: Bool
    written: BitVec = field(metadata=counts_where("sets"))
    own_entry: Bool = field(metadata=counts_where("sets"))
    lost: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NxLogged:
    """Whether the dirty pages of a table's slot are logged, ``kvm_mmu_sp_dirty_logging_enabled()``.

    Attributes:
        any_slot: those of some slot are.
        flags: the flags of the table's slot (32).
        own_slot: its slot is looked up by its first frame and the address space of its role.
        answer: what is told.
        evidence: how it came about.
    """

    any_slot: Bool
    flags: BitVec
    own_slot: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NxToggled:
    """The mitigation is turned on or off for all VMs, ``set_nx_huge_pages()``.

    Attributes:
        before: it was on.
        after: it is on afterwards.
        zapped: of each of two VMs, whether all of its SPTEs are zapped.
        evidence: how it came about.
    """

    before: Bool
    after: Bool
    zapped: tuple[Bool, Bool]
    evidence: Evidence


class NxRecovery(ABC):
    """Tables that stand for huge pages, and may become some again."""

    @abstractmethod
    def toggled(self) -> NxToggled:
        """``set_nx_huge_pages()``."""

    @abstractmethod
    def recovered(self, of_tdp: bool) -> NxRecovered:
        """``kvm_recover_nx_huge_pages()``."""

    @abstractmethod
    def zapped(self) -> NxZapped:
        """``kvm_tdp_mmu_zap_possible_nx_huge_page()``."""

    @abstractmethod
    def logged(self) -> NxLogged:
        """``kvm_mmu_sp_dirty_logging_enabled()``."""
