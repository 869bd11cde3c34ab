"""What the parts of the reference model share: its numbers, and how it notes what it does."""

from __future__ import annotations

from mmuproof.model.cuts import CUTS
from mmuproof.model.evidence import Check, CheckKind, CutCall, Evidence, Step
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reference_constants import Constants
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, implies

_REASONS = {cut.function: cut.reason for cut in CUTS}


class Trace:
    """Notes what happens in one function of the kernel that the model describes.

    Args:
        function: its name.
        condition: under which it is called.
    """

    def __init__(self, function: str, condition: Bool = TRUE) -> None:
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
        self._checks.append(Check(kind, self._at, implies(self._condition, holds)))

    def cut(self, function: str) -> None:
        """Note a call whose result is left open."""
        self._cuts.append(CutCall(function, self._at, _REASONS[function]))

    @property
    def evidence(self) -> Evidence:
        """What has been noted."""
        return Evidence(tuple(self._checks), tuple(self._steps), tuple(self._cuts))


class ReferenceBase(Kvm):
    """The part of the reference model that is numbers only."""

    def __init__(self, constants: Constants | None = None) -> None:
        self.constants = constants or Constants()

    def constant(self, name: str) -> int:
        """See `Kvm.constant`."""
        value = vars(self.constants).get(name)
        if not isinstance(value, int):
            raise NotThere([name])
        return value

    def failed_assertions(self) -> tuple[str, ...]:
        """See `Kvm.failed_assertions`."""
        return self.constants.failed_assertions()
