"""A run of the machine: what it has found, where it stands, and which names it has given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Undefined
from mmuproof.lift.machine.addresses import Addresses
from mmuproof.lift.machine.elements import Elements
from mmuproof.lift.machine.findings import (
    CallMade,
    CheckKind,
    NotedCheck,
    NotedCut,
    NotedStep,
    RoundMade,
    SharedAccess,
    WentBack,
    numbered,
)
from mmuproof.lift.machine.state import Frame, OneStep, State
from mmuproof.lift.syntax import Location, Stmt
from mmuproof.smt.terms import FALSE, TRUE, Bool, implies

_MOST_TRIES = 8
"""How often something is tried at most where a loop is left from within alone, and calls are not followed in it."""


@dataclass
class _OpenLoop:
    """A loop that goes round: the paths that leave it, how many there were before, and its tries and rounds."""

    left: list[State]
    before: int
    tries: int
    rounds: int = 0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a run has come: the lengths of what it has found, and how often each name has been given."""

    checks: int
    steps: int
    ran: int
    cut_calls: int
    calls_made: int
    rounds_made: int
    shared_accesses: int
    went_back: int
    beyond: int
    counts: Mapping[str, int]


class Execution:
    """What all parts of a machine share.

    Args:
        counts: how often each name has been given before.
        addresses: the places whose addresses have been taken as numbers before.
    """

    def __init__(self, counts: Mapping[str, int] | None = None, addresses: Addresses | None = None) -> None:
        self.addresses = addresses or Addresses()
        self.checks: list[NotedCheck] = []
        self.steps: list[NotedStep] = []
        self.ran: dict[Stmt, None] = {}
        """The statements that this run has evaluated on some path."""
        self.cut_calls: dict[NotedCut, None] = {}
        self.calls_made: list[CallMade] = []
        self.rounds_made: list[RoundMade] = []
        self.shared_accesses: list[SharedAccess] = []
        self.went_back: list[WentBack] = []
        self.one_step = OneStep.NO
        """Whether a step runs in which others do not come in between a read and a write."""
        self.frames: list[Frame] = []
        """The functions that run, the innermost last."""
        self.words: dict[str, RecordType] = {}
        """The unions among what has been read of objects from outside, by their variables' names."""
        self.beyond: list[Bool] = []
        """When a pointer from outside is followed beyond the one object that it is known to lead to."""
        self.stays_inside = False
        self.elements: Elements | None = None
        """Where the elements of arrays from outside come from; None where a pointer leads to one object alone."""
        """Whether a function that does so is refused where it is called."""
        self.tells_apart = False
        """Whether pointers to different objects have been compared."""
        self._counts = dict(counts or {})
        self._loops: list[_OpenLoop] = []

    @property
    def frame(self) -> Frame:
        """The function that runs."""
        return self.frames[-1]

    @property
    def function(self) -> str:
        """The name of the function that runs; empty if there is none."""
        return self.frames[-1].function if self.frames else ""

    # -- names ------------------------------------------------------------------------------------

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each name has been given."""
        return self._counts

    def count(self, name: str) -> int:
        """How often a name has been given, this time included."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return count

    def unique(self, name: str) -> str:
        """A name that no other call of this gives."""
        return numbered(name, self.count(name))

    # -- obligations ------------------------------------------------------------------------------

    def require(self, kind: CheckKind, holds: Bool, state: State, at: Location, what: str = "") -> None:
        """Demand that ``holds`` on this path; where it certainly does not, the path ends.

        Raises:
            Undefined: it is C that demands it, and every execution breaks it.
        """
        obligation = implies(state.guard, holds)
        if obligation is TRUE:
            return
        if not kind.is_stated and holds is FALSE:
            if state.guard is TRUE:
                raise Undefined(f"undefined behaviour: {what or f'it is not true that {kind.value}'}", str(at))
            state.guard = FALSE
        self.checks.append(NotedCheck(kind, at, obligation, self.function))

    # -- loops that go round ----------------------------------------------------------------------

    def enter_loop(self, left: list[State], *, retries: bool) -> None:
        """Go round a loop.

        Args:
            left: where the paths that leave it are added.
            retries: whether it has no condition of its own, and so is left from within, after so many tries.
        """
        self._loops.append(_OpenLoop(left, len(left), _MOST_TRIES if retries else 0))

    def next_round(self) -> None:
        """The innermost loop goes round once more."""
        self._loops[-1].rounds += 1

    def leave_loop(self) -> None:
        """The innermost loop goes round no more."""
        self._loops.pop()

    @property
    def is_in_open_loop(self) -> bool:
        """Whether some loop goes round that may have been left already, and is not known to end soon."""
        return any(len(each.left) > each.before and each.rounds > each.tries for each in self._loops)

    # -- steps in which nobody else comes in ----------------------------------------------------

    @contextmanager
    def in_one_step(self) -> Iterator[None]:
        """What is read and written here is read and written at once."""
        outer, self.one_step = self.one_step, OneStep.BEGINS
        try:
            yield
        finally:
            self.one_step = outer

    # -- going back -------------------------------------------------------------------------------

    def mark(self) -> Mark:
        """How far the run has come."""
        return Mark(
            checks=len(self.checks),
            steps=len(self.steps),
            ran=len(self.ran),
            cut_calls=len(self.cut_calls),
            calls_made=len(self.calls_made),
            rounds_made=len(self.rounds_made),
            shared_accesses=len(self.shared_accesses),
            went_back=len(self.went_back),
            beyond=len(self.beyond),
            counts=self._counts.copy(),
        )

    def go_back(self, mark: Mark) -> None:
        """Forget what has been found since."""
        del self.checks[mark.checks :]
        del self.steps[mark.steps :]
        while len(self.ran) > mark.ran:
            self.ran.popitem()
        while len(self.cut_calls) > mark.cut_calls:
            self.cut_calls.popitem()
        del self.calls_made[mark.calls_made :]
        del self.rounds_made[mark.rounds_made :]
        del self.shared_accesses[mark.shared_accesses :]
        del self.went_back[mark.went_back :]
        del self.beyond[mark.beyond :]
        self._counts = dict(mark.counts)
