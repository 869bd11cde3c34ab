"""Rounds of the loops that map a page, as a proof sees them: what is done to the entry to which the walk has come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Something that is done to the entry of the walk, and what there is when it is done.

    Attributes:
        when: it is done.
        level: the level of the walk (32).
        goal_level: the level at which the fault is to be mapped, as wide as the kernel has it.
        spte: what the entry holds according to the walk (64).
        elsewhere: it is done to another entry than the walk's, or for another frame than the fault's there.
        unadjusted: it is not known of this entry whether a huge page may be mapped here: nobody has asked.
    """

    when: Bool
    level: BitVec = field(metadata=counts_where("when"))
    goal_level: BitVec = field(metadata=counts_where("when"))
    spte: BitVec = field(metadata=counts_where("when"))
    elsewhere: Bool = field(metadata=counts_where("when"))
    unadjusted: Bool = field(metadata=counts_where("when"))


@dataclass(frozen=True, kw_only=True)
class MapTail:
    """What a function that maps a page does before its loop, in it and behind it, besides what its rounds are for.

    Attributes:
        begins_elsewhere: the walk begins for another address than the fault's.
        another_page: the page is mapped from another frame of the host's, for another slot or at another entry
            than the fault and the walk have, or the choice of its frame and size is not the last word on them.
        strays: something else changes that decides about a guest's access: an SPTE, which page of SPTEs is for
            what, what a walk of the guest's tables has noted, a memory slot, or an MMU.
        answers_otherwise: the fault is answered otherwise than what maps the page says, or as if it had been
            mapped where nothing is.
        changed_after: the entry is changed again afterwards, or entries around another one are mapped ahead.
        refusal_unnoted: a table is put in place of a huge page that was refused, and does not say so, or says so of
            one that was not.
        unprepared: a table is put somewhere whose page of SPTEs has not been set up for that place.
    """

    begins_elsewhere: Bool
    another_page: Bool
    strays: Bool
    answers_otherwise: Bool
    changed_after: Bool
    refusal_unnoted: Bool
    unprepared: Bool


@dataclass(frozen=True, kw_only=True)
class MapRound:
    """Any one round of a walk that maps a page, and what follows the loop.

    Attributes:
        function: whose loop it is.
        workaround: executable huge pages are to be avoided in this VM.
        another_fault: the loop begins, or goes on, for another frame, slot or kind of access than the fault has.
        at_end: the walk has come to its end, without the loop having been left before.
        maps: the page is mapped.
        links: a table is linked.
        splits: a huge page is split into a table.
        fails: another CPU was faster, and nothing is put there; the fault begins anew.
        goes_on: the walk goes on.
        has_table: a table has been found below the entry, or has been put there, or room has been made for one.
        spte: what the entry then holds according to the walk (64).
        tail: what is done around the loop.
        evidence: how it came about.
    """

    function: str
    workaround: Bool
    another_fault: Bool
    at_end: Bool
    maps: Deed
    links: Deed
    splits: Deed
    fails: Bool
    goes_on: Bool
    has_table: Bool = field(metadata=counts_where("goes_on"))
    spte: BitVec = field(metadata=counts_where("goes_on"))
    tail: MapTail
    evidence: Evidence


class MapRounds(ABC):
    """What maps the page of a fault without a guest's page tables."""

    @abstractmethod
    def tdp(self) -> MapRound:
        """``kvm_tdp_mmu_map()``."""

    @abstractmethod
    def direct(self) -> MapRound:
        """``direct_map()``: it splits nothing, ``kvm_mmu_get_child_sp()`` says whether there is a table."""
