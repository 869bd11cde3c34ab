"""How a result of KVM's code came about: the assignments, the code's own assertions, the calls cut short."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mmuproof.smt.terms import BitVec, Bool


class CheckKind(enum.Enum):
    """What a check is about."""

    WARN = "WARN"
    BUG = "BUG"
    BUILD = "BUILD_BUG_ON"
    INDEX = "array index"
    SHIFT = "shift count"
    DIVISION = "division"
    NULL = "null pointer"
    UNSET = "variable before it is set"
    LIFETIME = "object after its end"

    @property
    def is_stated(self) -> bool:
        """Whether the code itself states it; the others are demanded by C."""
        return self in (CheckKind.WARN, CheckKind.BUG, CheckKind.BUILD)


@dataclass(frozen=True)
class Check:
    """Something that has to hold for the code to mean anything: ``holds``, at a place in the source."""

    kind: CheckKind
    at: str
    holds: Bool


@dataclass(frozen=True)
class Step:
    """An assignment ``target = value`` that happens where ``guard`` holds."""

    at: str
    target: str
    guard: Bool
    value: BitVec


@dataclass(frozen=True)
class CutCall:
    """A call whose body was not followed, with the reason why an unknown result may stand for it."""

    function: str
    at: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What was seen while some code ran."""

    checks: tuple[Check, ...] = ()
    steps: tuple[Step, ...] = ()
    cuts: tuple[CutCall, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence((*self.checks, *other.checks), (*self.steps, *other.steps), (*self.cuts, *other.cuts))
