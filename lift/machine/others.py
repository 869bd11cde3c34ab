"""Memory that others write as well: another CPU may change it between any two accesses, and the processor within none.

Before an access a shared object comes to hold something new, of which nothing is known; what others may have made of
what the code knew is for those to say who look at the accesses.  An exchange and a change of one bit read and write in
one step, in which nobody else comes in.
"""

from __future__ import annotations

from mmuproof.lift.c_types import leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import SharedAccess
from mmuproof.lift.machine.state import OneStep, State
from mmuproof.lift.machine.values import Object, Value
from mmuproof.lift.syntax import Location
from mmuproof.smt.terms import BitVec, Bool, all_of, ite, var


class Others:
    """Who writes shared objects besides the code that is run.

    Args:
        run: where accesses are noted, and whether a step runs in which nobody comes in.
    """

    def __init__(self, run: Execution) -> None:
        self._run = run

    def before_read(self, object_: Object, offset: int, width: int, state: State, now: Bool, at: Location) -> None:
        """Let others in, and note the read.

        Args:
            object_: the shared object.
            offset: of what is read, in bits.
            width: in bits.
            state: the path.
            now: when it is that object and place.
            at: where it is read.
        """
        known, found = self._come_in(object_, offset, width, state, at)
        self._note(object_, at, all_of(state.guard, now), writes=False, known=known, found=found, left=found)

    def before_write(self, object_: Object, offset: int, value: Value, state: State, now: Bool, at: Location) -> None:
        """The same for a write of a number, which leaves ``value`` where it is ``now``.

        Raises:
            Refused: it is no number.
        """
        if not isinstance(value, BitVec):
            raise Refused(f"a pointer is written to {object_.name}, which others write", str(at))
        known, found = self._come_in(object_, offset, value.width, state, at)
        left = ite(now, value, found)
        self._note(object_, at, all_of(state.guard, now), writes=True, known=known, found=found, left=left)

    def _come_in(self, object_: Object, offset: int, width: int, state: State, at: Location) -> tuple[BitVec, BitVec]:
        """What the code knew of the object, and what it finds."""
        known = state.memory.read(object_, offset, width)
        if not isinstance(known, BitVec):
            raise Refused(f"others write a pointer in {object_.name}", str(at))
        if self._run.one_step is OneStep.RUNS:
            return known, known
        if self._run.one_step is OneStep.BEGINS:
            self._run.one_step = OneStep.RUNS
        place = object_.path(leaf_at(object_.type, offset).path)
        found = var(self._run.unique(f"{place} meanwhile"), width)
        state.memory.write(object_, offset, width, found)
        return known, found

    def _note(
        self, object_: Object, at: Location, guard: Bool, *, writes: bool, known: BitVec, found: BitVec, left: BitVec
    ) -> None:
        self._run.shared_accesses.append(
            SharedAccess(object=object_, at=at, guard=guard, writes=writes, known=known, found=found, left=left)
        )
