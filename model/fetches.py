"""How KVM follows a guest's page tables down with its own and maps the page of a fault, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.map_rounds import MapRound
from mmuproof.model.result_fields import counts_where
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool

LEVELS = 5
"""How many levels page tables have at most."""


@dataclass(frozen=True)
class NotedTable:
    """What the walk of the guest's tables has noted of one level.

    Attributes:
        gfn: the frame of the guest's table (64).
        access: the ACC_* bits of all entries above it (32).
    """

    gfn: BitVec
    access: BitVec


@dataclass(frozen=True, kw_only=True)
class PageWanted:
    """A page of SPTEs that is asked for, to be linked.

    Attributes:
        when: it is asked for.
        gfn: the frame that it is for (64).
        access: the ACC_* bits that it may grant (32).
        direct: it shadows no table of the guest's.
        elsewhere: it is for another entry than that of KVM's walk.
        found: the entry leads to it already.
    """

    when: Bool
    gfn: BitVec = field(metadata=counts_where("when"))
    access: BitVec = field(metadata=counts_where("when"))
    direct: Bool = field(metadata=counts_where("when"))
    elsewhere: Bool = field(metadata=counts_where("when"))
    found: Bool = field(metadata=counts_where("when"))


@dataclass(frozen=True, kw_only=True)
class PageLinked:
    """A page that is linked.

    Attributes:
        when: it is linked.
        elsewhere: at another entry than that of KVM's walk.
        another: it is another page than has been asked for in this round.
    """

    when: Bool
    elsewhere: Bool = field(metadata=counts_where("when"))
    another: Bool = field(metadata=counts_where("when"))


@dataclass(frozen=True, kw_only=True)
class GuestRound:
    """Any one round above the level at which the walk of the guest's tables has ended.

    Attributes:
        enters: there is a first round.
        of_dummy: the root in use is the page of zeros, which stands for tables that the guest cannot have.
        top_level: the level of the guest's entry that is looked at before it (32).
        top_unchanged: that entry is still what the walk has read.
        at_end: KVM's walk has come to its end.
        level: the level of KVM's walk (32).
        asks: for a page.
        links: the page.
        unchanged: after the page has been asked for, and before it is linked, the guest's entry of the level below
            is still what the walk has read.
        synchronized: no page below it is out of step with the guest's tables.
        goes_on: another round follows.
        next_level: the level of KVM's walk then (32).
        of_itself: it is noted that the fault writes to a table of its own walk; None if KVM has no such note.
    """

    enters: Bool
    of_dummy: Bool
    top_level: BitVec = field(metadata=counts_where("enters"))
    top_unchanged: Bool = field(metadata=counts_where("enters"))
    at_end: Bool
    level: BitVec
    asks: PageWanted
    links: PageLinked
    unchanged: Bool = field(metadata=counts_where("goes_on"))
    synchronized: Bool = field(metadata=counts_where("goes_on"))
    goes_on: Bool
    next_level: BitVec = field(metadata=counts_where("goes_on"))
    of_itself: Bool | None = field(metadata=counts_where("goes_on"))


@dataclass(frozen=True, kw_only=True)
class DirectRound:
    """Any one round from there to the page, and the page.

    Attributes:
        enters: there is a first round.
        first_level: the level of KVM's walk then (32).
        adjusted: after the pages above have been linked it has been decided how large the page may be.
        level: the level of KVM's walk (32).
        map: what is done, as in the loops that follow no tables of a guest's.
        asks: for a page.
        links: the page.
        next_level: the level of KVM's walk in the round that follows (32).
        refused: the page is marked as one in place of an executable huge page; None if only those are that give way.
        may_recover: the page is noted as one that gives way to a huge page later.
        disallowed: a huge page is not allowed because it would be executable.
        wanted_level: the level at which the page would be mapped otherwise, as wide as the kernel has it.
        leaf_access: the ACC_* bits that are asked for the page (32).
        leaf_pfn: the host's frame that is asked for (64).
        leaf_elsewhere: another memory slot is named than the fault's.
        pfn: the host's frame of the fault (64).
    """

    enters: Bool
    first_level: BitVec = field(metadata=counts_where("enters"))
    adjusted: Bool = field(metadata=counts_where("enters"))
    level: BitVec
    map: MapRound
    asks: PageWanted
    links: PageLinked
    next_level: BitVec
    refused: Bool | None
    may_recover: Bool
    disallowed: Bool
    wanted_level: BitVec
    leaf_access: BitVec
    leaf_pfn: BitVec
    leaf_elsewhere: Bool
    pfn: BitVec


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """``FNAME(fetch)()``.

    Attributes:
        function: its name.
        guest_levels: how many levels the guest's tables have, ``role.level`` (32).
        guest_level: the level at which the walk of them has ended (32).
        tables: what that has noted of the tables of each level, from level 1 on.
        pte_access: the ACC_* bits that it has handed on (32).
        gfn: the frame of the fault (64).
        write: the fault is a write.
        guest: its rounds that follow the guest's tables.
        direct: its rounds below them.
        evidence: how it came about.
    """

    function: str
    guest_levels: BitVec
    guest_level: BitVec
    tables: tuple[NotedTable, ...]
    pte_access: BitVec
    gfn: BitVec
    write: Bool
    guest: GuestRound
    direct: DirectRound
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ChangeLooked:
    """``FNAME(gpte_changed)()``: whether a guest entry is another by now than the walk has read.

    Attributes:
        function: its name.
        level: the level of the entry.
        entry_bytes: how long entries are.
        says: it says that the entry has changed.
        failed: guest memory could not be read.
        asked_gpa: from where on it has been read (64).
        found: the entries that have been found from there on (64 bits each).
        pte_gpa: where the walk has read the entry (64).
        noted: what the walk has read there (64).
        evidence: how it came about.
    """

    function: str
    level: int
    entry_bytes: int
    says: Bool
    failed: Bool
    asked_gpa: BitVec
    found: tuple[BitVec, ...]
    pte_gpa: BitVec
    noted: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class ChildFound:
    """``kvm_mmu_get_child_sp()``: the page that an entry is to lead to.

    Attributes:
        spte: what the entry holds (64).
        has_page: there is a page of KVM's where that leads.
        looks_elsewhere: it is looked where another value leads.
        gfn: the frame for which a page is wanted (64).
        childs_gfn: the frame that the page which is there shadows or maps from (64).
        childs_role: the role of that page (32).
        kept: that page is the one that is wanted.
        asked: another one is asked for.
        asked_gfn: for which frame (64).
        asked_role: of which role (32); it is that of the page that is wanted, also where none is asked for.
        evidence: how it came about.
    """

    spte: BitVec
    has_page: Bool
    looks_elsewhere: Bool
    gfn: BitVec
    childs_gfn: BitVec
    childs_role: BitVec
    kept: Bool
    asked: Bool
    asked_gfn: BitVec = field(metadata=counts_where("asked"))
    asked_role: BitVec
    evidence: Evidence


class Fetches(ABC):
    """What fills in SPTEs for a guest's page tables."""

    @abstractmethod
    def fetch(self, gpte_format: GpteFormat) -> Fetched:
        """``FNAME(fetch)()``."""

    @abstractmethod
    def changed(self, gpte_format: GpteFormat, level: int) -> ChangeLooked:
        """``FNAME(gpte_changed)()`` for the entry of a level."""

    @abstractmethod
    def child(self) -> ChildFound:
        """``kvm_mmu_get_child_sp()``."""

    @abstractmethod
    def levels(self, gpte_format: GpteFormat) -> int:
        """Of how many levels a walk can note something."""
