"""The abstract machine: runs C on terms, on all paths at once.

Paths that meet again are merged, so a function's result is one term.  The dialect is the kernel's:
signed arithmetic wraps (the kernel is built with -fno-strict-overflow), ``char`` is unsigned.  What is
undefined even there becomes a check that has to be proved, or, where it is certain, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmuproof.lift.machine.calls import Calls
from mmuproof.lift.machine.core import Definitions
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Object, Place, Value
from mmuproof.lift.syntax import Function
from mmuproof.smt.terms import TRUE, Bool

__all__ = ["Definitions", "Machine"]


class Machine(Calls):
    """Runs functions of one translation unit.

    Args:
        definitions: the translation unit.
        cuts: the calls that are not followed.

    The lists `checks`, `steps`, `cut_calls` and `calls_made` grow with every run and belong to the caller.
    """

    def successor(self, cuts: Sequence[Cut] | None = None) -> Machine:
        """A machine that goes on with the same objects of static storage, and has seen nothing yet.

        Its unknown results are none of this one's.  Two successors are two futures of one past: what one of
        them names does not depend on whether there is another.

        Args:
            cuts: the calls that it does not follow, if not the same.
        """
        other = Machine(self._definitions, tuple(self._cuts.values()) if cuts is None else cuts)
        other._globals, other._counts = self._globals, self._counts.copy()
        return other

    @property
    def globals_seen(self) -> Mapping[str, Object]:
        """The objects with static storage that the code has named so far, by name."""
        return {variable.name: object_ for variable, object_ in self._globals.items()}

    def run(
        self, function: Function, arguments: Sequence[Value | Place], memory: Memory, condition: Bool = TRUE
    ) -> Value | Place | None:
        """Call ``function`` where ``condition`` holds; ``memory`` is changed, the result returned.

        After a refusal ``memory`` is as before.

        Raises:
            Refused: the function does something that is not understood, or is undefined for certain.
        """
        state = State(condition, memory.copy())
        result = self._call_function(function, arguments, state, function.location)
        memory.become(state.memory)
        return result
