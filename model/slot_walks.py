"""The walk through the lists of what maps the frames of a slot, level after level, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class SlotWalkBegun:
    """Where a walk begins.

    Attributes:
        at_first: it stands at the first frame and level that are told, and at their list.
        to_last: it goes to the list of the last frame at that level.
        as_told: it keeps the slot, the frames and the levels that are told.
        evidence: how it came about.
    """

    at_first: Bool
    to_last: Bool
    as_told: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SlotWalkStep:
    """A step of a walk that has three lists before it at its level.

    Attributes:
        level: the level (32).
        last_level: the level to which the walk goes (32).
        more: some of the three has entries.
        at_next: the walk then stands at the first of them that has.
        frame_of_it: what it says is its frame is that list's; of a level that there is.
        anew: the walk begins at the next level, at its first list.
        ended: the walk has come to its end.
        evidence: how it came about.
    """

    level: BitVec
    last_level: BitVec
    more: Bool
    at_next: Bool
    frame_of_it: Bool
    anew: Bool
    ended: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SlotWalkRound:
    """Any one round of what is done on a walk.

    Attributes:
        here: the walk stands at a list.
        handled: it is done to that list, in the slot that is told.
        level: the walk's level (32).
        start_level: the level at which it has begun (32).
        start: the first frame of the range (64).
        end: its last frame (64).
        gfn: the walk's frame (64).
        due_at_first: a flush was due when the walk began.
        stale: a flush is due from earlier rounds.
        changes: the round has changed something.
        may_yield: the lock may be given up in between.
        flushes_first: what is due has to be flushed before that.
        yields: the lock is given up.
        flushed: a range is flushed, before the lock is given up.
        first: the first frame that is flushed (64).
        count: how many are (64).
        stale_after: a flush is due after the round.
        stale_told: at its end the walk tells whether a flush is due.
        evidence: how it came about.
    """

    here: Bool
    handled: Bool
    level: BitVec
    start_level: BitVec
    start: BitVec
    end: BitVec
    gfn: BitVec
    due_at_first: Bool
    stale: Bool
    changes: Bool = field(metadata=counts_where("handled"))
    may_yield: Bool
    flushes_first: Bool
    yields: Bool
    flushed: Bool
    first: BitVec = field(metadata=counts_where("flushed"))
    count: BitVec = field(metadata=counts_where("flushed"))
    stale_after: Bool = field(metadata=counts_where("here"))
    stale_told: Bool
    evidence: Evidence


class SlotWalks(ABC):
    """Walks through a slot's lists."""

    @abstractmethod
    def begun(self) -> SlotWalkBegun:
        """``slot_rmap_walk_init()``."""

    @abstractmethod
    def step(self) -> SlotWalkStep:
        """``slot_rmap_walk_next()``."""

    @abstractmethod
    def round(self) -> SlotWalkRound:
        """``__walk_slot_rmaps()``, or ``slot_handle_level_range()``."""
