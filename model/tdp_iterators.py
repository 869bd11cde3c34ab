"""The TDP MMU's iterator as a proof sees it: at which entry it stands, and where a step takes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool, ite

LEVELS = 5
"""How many levels page tables have at most."""


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Where an iterator stands.

    Attributes:
        valid: it stands anywhere at all.
        level: the level of the entry (32).
        gfn: the lowest frame that the entry translates, without the bits that all frames of the root have (64).
        goal: the frame that the walk goes to, ``next_last_level_gfn`` (64).
        tables: in which table the entry is: that of each level from 1 on, or at last the one below the entry at
            which the iterator stood before.
        index: the number of the entry in its table (64).
        path: for each level from 1 on, which of these tables the iterator takes for that level's.
        read: its snapshot is what was read last of this entry.
    """

    valid: Bool
    level: BitVec = field(metadata=counts_where("valid"))
    gfn: BitVec = field(metadata=counts_where("valid"))
    goal: BitVec = field(metadata=counts_where("valid"))
    tables: tuple[Bool, ...] = field(metadata=counts_where("valid"))
    index: BitVec = field(metadata=counts_where("valid"))
    path: tuple[tuple[Bool, ...], ...]
    read: Bool = field(metadata=counts_where("valid"))


def either_stand(case: Bool, one: Stand, other: Stand) -> Stand:
    """Where an iterator stands of which it depends on a case where that is."""
    return Stand(
        valid=ite(case, one.valid, other.valid),
        level=ite(case, one.level, other.level),
        gfn=ite(case, one.gfn, other.gfn),
        goal=ite(case, one.goal, other.goal),
        tables=_each(case, one.tables, other.tables),
        index=ite(case, one.index, other.index),
        path=tuple(_each(case, mine, theirs) for mine, theirs in zip(one.path, other.path, strict=True)),
        read=ite(case, one.read, other.read),
    )


def _each(case: Bool, one: tuple[Bool, ...], other: tuple[Bool, ...]) -> tuple[Bool, ...]:
    return tuple(ite(case, mine, theirs) for mine, theirs in zip(one, other, strict=True))


@dataclass(frozen=True, kw_only=True)
class TdpStep:
    """A step of an iterator that stands at the entry of its frame.

    Attributes:
        function: what makes the step.
        level: where it stands before.
        root_level: the level of the root.
        min_level: the lowest level that it may go to, from 1 to ``level`` (32).
        gfn_bits: what all frames of the root have, 0 if the kernel knows of no such bits (64).
        gfn: the lowest frame of the entry before (64).
        goal: the frame that the walk goes to (64).
        child: the entry leads to a table.
        asked_else: that is asked of another value than was read of the entry just now, or of another level.
        after: where it stands afterwards.
        evidence: how it came about.
    """

    function: str
    level: int
    root_level: int
    min_level: BitVec
    gfn_bits: BitVec
    gfn: BitVec
    goal: BitVec
    child: Bool
    asked_else: Bool
    after: Stand
    evidence: Evidence


class TdpIterators(ABC):
    """``struct tdp_iter``."""

    @abstractmethod
    def next(self, root_level: int, level: int) -> TdpStep:
        """``tdp_iter_next()`` of an iterator that has not yielded."""

    @abstractmethod
    def after_yield(self, root_level: int, level: int) -> TdpStep:
        """The same of an iterator that has yielded; of its child nothing is asked."""

    @abstractmethod
    def start(self, root_level: int) -> TdpStep:
        """``tdp_iter_start()``, with the root's own level as that before; ``gfn`` and ``goal`` are what it is told."""
