"""What KVM stores in page tables, as a proof sees it: that what one function has made is what another one writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

ENTRIES = 512
"""How many entries a page table has."""
LOOKED_AT = 0b101010101
"""The entry that is looked at: its number is no other's, also where some bits of it are lost or added."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a function leaves in the one entry that it is for, and in the others of the table; entries have 64 bits.

    Attributes:
        caller: the function.
        level: the level of the entry (32).
        makes: it lets another function make the value of the entry.
        made: that value.
        judged: what it takes the entry to hold, and what it makes the value for.
        locked: KVM's lock keeps others from changing the entry meanwhile.
        before: what the entry holds when the function comes to it.
        after: what it holds afterwards.
        beside: another entry of its table is changed.
        evidence: how it came about.
    """

    caller: str
    level: BitVec
    makes: Bool
    made: BitVec = field(metadata=counts_where("makes"))
    judged: BitVec
    locked: Bool
    before: BitVec
    after: BitVec
    beside: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LinkStored(Stored):
    """The same of a function that lets an entry lead to a page table.

    Attributes:
        childs_table: what make_nonleaf_spte() is told is the table of the page that is linked.
        ad_disabled: what make_nonleaf_spte() is told.
        childs_ad_disabled: whether that page's entries are without A/D bits.
    """

    childs_table: Bool
    ad_disabled: Bool
    childs_ad_disabled: Bool


@dataclass(frozen=True, kw_only=True)
class SmallStored:
    """One entry of a table that a huge page is split into; entries have 64 bits.

    Attributes:
        makes: make_small_spte() is asked for it.
        index: the index that this is told (32).
        role: the role that it is told, of whatever width it has.
        huge_spte: the huge SPTE that it is told.
        made: what it makes.
        before: what the entry holds before.
        after: what it holds afterwards.
    """

    makes: Bool
    index: BitVec = field(metadata=counts_where("makes"))
    role: BitVec = field(metadata=counts_where("makes"))
    huge_spte: BitVec = field(metadata=counts_where("makes"))
    made: BitVec = field(metadata=counts_where("makes"))
    before: BitVec
    after: BitVec


@dataclass(frozen=True, kw_only=True)
class SplitStored:
    """What splitting a huge page stores.

    Attributes:
        link: the huge SPTE's own entry, which then leads to the table.
        role: the role of the page that the table belongs to.
        prepares: it sets this page up for its place by itself.
        small: the entries of that table in their order.
    """

    link: LinkStored
    role: BitVec
    prepares: Bool
    small: tuple[SmallStored, ...]


@dataclass(frozen=True, kw_only=True)
class MirrorStored:
    """What becomes of an entry that mirrors one which only TDX can change; entries have 64 bits.

    Attributes:
        before: what the entry holds.
        judged: what it is taken to hold, and what the new value is made for.
        made: the new value.
        frozen: what an entry holds that nobody may change.
        changes: TDX is asked to change its own entry.
        meanwhile: what the entry holds while TDX is.
        failed: TDX could not.
        after: what the entry holds afterwards.
        succeeds: the caller is told that it is done.
        beside: another entry of its table is changed.
        evidence: how it came about.
    """

    before: BitVec
    judged: BitVec
    made: BitVec
    frozen: BitVec
    changes: Bool
    meanwhile: BitVec = field(metadata=counts_where("changes"))
    failed: Bool = field(metadata=counts_where("changes"))
    after: BitVec
    succeeds: Bool
    beside: Bool
    evidence: Evidence


class Stores(ABC):
    """What writes SPTEs that other functions make."""

    @abstractmethod
    def tdp_map(self) -> Stored:
        """``tdp_mmu_map_handle_target_level()``: what it judges is the walk's, which the entry may no longer hold."""

    @abstractmethod
    def tdp_link(self) -> LinkStored:
        """``tdp_mmu_link_sp()``."""

    @abstractmethod
    def tdp_split(self) -> SplitStored:
        """``tdp_mmu_split_huge_page()``."""

    @abstractmethod
    def mirrored(self) -> MirrorStored:
        """``tdp_mmu_set_spte_atomic()`` for an entry of a mirror."""

    @abstractmethod
    def shadow_map(self) -> Stored:
        """``mmu_set_spte()`` for a fault, or for none: then it maps ahead."""

    @abstractmethod
    def shadow_link(self) -> LinkStored:
        """``__link_shadow_page()``."""

    @abstractmethod
    def fast_fix(self) -> Stored:
        """``fast_pf_fix_direct_spte()``: what it is told to store counts as made."""
