"""How a result of KVM's code came about: the assignments, the code's own assertions, the calls cut short."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.machine.findings import CheckKind
from mmuproof.smt.terms import BitVec, Bool

__all__ = ["Check", "CheckKind", "CutCall", "Evidence", "Step"]


@dataclass(frozen=True)
class Check:
    """Something that has to hold for the code to mean anything: ``holds``, at a place in a function."""

    kind: CheckKind
    at: str
    holds: Bool
    function: str = ""

    @property
    def place(self) -> str:
        """The file and the function: what stays when lines move."""
        return f"{self.at.partition(':')[0]}:{self.function}"


@dataclass(frozen=True)
class Step:
    """An assignment ``target = value`` that happens where ``guard`` holds."""

    at: str
    target: str
    guard: Bool
    value: BitVec


@dataclass(frozen=True)
class CutCall:
    """A call whose body was not followed, with the reason why an unknown result may stand for it.

    ``unchecked`` is what was not read of what it may write.
    """

    function: str
    at: str
    reason: str
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What was seen while some code ran.

    Args:
        checks: what has to hold for it to mean anything.
        steps: its assignments.
        cuts: the calls that were not followed.
        gone_cuts: functions that are not followed where they are called, and that the tree lacks though an earlier
            kernel has them: if they have another name, or are a part of their caller, what they do was followed.
    """

    checks: tuple[Check, ...] = ()
    steps: tuple[Step, ...] = ()
    cuts: tuple[CutCall, ...] = ()
    gone_cuts: tuple[str, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            (*self.checks, *other.checks),
            (*self.steps, *other.steps),
            (*self.cuts, *other.cuts),
            tuple(dict.fromkeys((*self.gone_cuts, *other.gone_cuts))),
        )
