"""How the reference model notes what it does."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.evidence import Check, CheckKind, CutCall, Evidence, Step
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, implies


class Trace:
    """Notes what happens in one function of the kernel that the model describes.

    Args:
        function: its name.
        condition: under which it is called.
    """

    def __init__(self, function: str, condition: Bool = TRUE) -> None:
        self._function = function
        self._at = f"reference: {function}"
        self._condition = condition
        self._checks: list[Check] = []
        self._steps: list[Step] = []
        self._cuts: list[CutCall] = []

    def step(self, target: str, value: BitVec, guard: Bool = TRUE) -> BitVec:
        """Note an assignment; the value is given back."""
        self._steps.append(Step(self._at, target, all_of(self._condition, guard), value))
        return value

    def check(self, kind: CheckKind, holds: Bool) -> None:
        """Note what has to hold for the C to mean anything, or what the C itself asserts."""
        self._checks.append(Check(kind, self._at, implies(self._condition, holds), self._function))

    def cut(self, cut: Cut) -> None:
        """Note a call whose result is left open."""
        self._cuts.append(CutCall(cut.function, self._at, cut.reason))

    @property
    def evidence(self) -> Evidence:
        """What has been noted."""
        return Evidence(tuple(self._checks), tuple(self._steps), tuple(self._cuts))
