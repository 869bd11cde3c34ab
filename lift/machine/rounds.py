"""Loops of which one round stands for all: any state that earlier rounds may have left, and one more round.

What a round changes is unknown when the next one begins, so the one that is run is every one.  Which memory that is
is found by running it: what a round leaves otherwise than it has found it becomes unknown at its beginning, until no
round changes anything else.  What holds of it then holds of the first round, in which that memory is what it is before
the loop, and of each that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import RoundMade
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.state import Frame, State
from mmuproof.lift.machine.values import Object
from mmuproof.lift.syntax import Location
from mmuproof.smt.terms import FALSE

_TRIES = 32


@dataclass
class _Unknown:
    """What is not known when a round begins: some ranges of objects, as (offset, width), or all that is outside."""

    ranges: dict[tuple[Object, int, int], None] = field(default_factory=dict)
    outside: bool = False

    def add(self, before: Memory, after: Memory) -> bool:
        """Add what a round has changed; whether there was anything new."""
        outside, ranges = after.differences(before)
        new = [each for each in ranges if each not in self.ranges and not (self.outside and each[0].is_outside)]
        is_new = bool(new) or (outside and not self.outside)
        self.outside = self.outside or outside
        self.ranges.update(dict.fromkeys(new))
        return is_new

    def put(self, memory: Memory, tag: str) -> None:
        """Make it unknown."""
        if self.outside:
            memory.make_outside_unknown(tag)
        for object_, offset, width in self.ranges:
            if not (self.outside and object_.is_outside):
                memory.make_range_unknown(object_, offset, width, tag)


class _FrameMark:
    """Which paths have left a function's statements so far."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        left = [each.states for each in (*frame.breaks, *frame.continues)]
        self._lists = [(each, len(each)) for each in (*left, *frame.ends)]
        self._returns = len(frame.returns)
        self._waiting = [
            (block, {label: list(states) for label, states in block.waiting.items()}) for block in frame.blocks
        ]

    def go_back(self) -> None:
        """Forget those that have left since."""
        for each, length in self._lists:
            del each[length:]
        del self._frame.returns[self._returns :]
        for block, waiting in self._waiting:
            block.waiting = {label: list(states) for label, states in waiting.items()}


def any_round(
    run: Execution, at: Location, entered: State, once: Callable[[State], State | None], *, label: str = ""
) -> None:
    """Run a round that stands for all.

    Args:
        run: where the round is noted.
        at: where the loop is.
        entered: what the first round finds.
        once: runs one round and gives the state in which the next one would begin; paths that leave the loop are
            kept by it.
        label: the label at the beginning of the round, to which it may go back.

    Raises:
        Refused: what a round changes does not come to an end.
    """
    unknown, tag, frame = _Unknown(), run.unique("some rounds"), run.frame
    for _ in range(_TRIES):
        mark, paths = run.mark(), _FrameMark(frame)
        head = State(entered.guard, entered.memory.copy(), entered.valid)
        unknown.put(head.memory, tag)
        end = once(State(head.guard, head.memory.copy(), head.valid))
        if end is None or not unknown.add(head.memory, end.memory):
            run.rounds_made.append(
                RoundMade(
                    function=run.function,
                    at=at,
                    begins=entered.guard,
                    entered=entered.memory,
                    head=head.memory,
                    goes_on=FALSE if end is None else end.guard,
                    end=None if end is None else end.memory,
                    variables={variable.name: object_ for variable, object_ in frame.variables.items()},
                    label=label,
                )
            )
            return
        run.go_back(mark)
        paths.go_back()
    raise Refused("a loop whose rounds change ever more", str(at))
