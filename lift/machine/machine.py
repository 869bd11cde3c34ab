"""The abstract machine: runs C on terms, on all paths at once.

Paths that meet again are merged, so a function's result is one term. The dialect is the kernel's:
signed arithmetic wraps (the kernel is built with -fno-strict-overflow), ``char`` is unsigned. What is
undefined even there becomes a check that has to be proved, or, where it is certain, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from mmuproof.lift.machine.asked_values import Result
from mmuproof.lift.machine.cut_calls import CutCalls, GivenUp
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.evaluator import Evaluator
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.run_limits import RunLimits
from mmuproof.lift.machine.state import OneStep
from mmuproof.lift.machine.values import Object, Place, Value
from mmuproof.lift.ran import note_run
from mmuproof.lift.syntax import Function, Variable
from mmuproof.smt.terms import TRUE, Bool


class Machine:
    """Runs functions of one translation unit, and follows all calls but those that are cut.

    Args:
        definitions: the translation unit.
        cuts: the calls that are not followed.
        earlier: a machine whose objects with static storage this one goes on with; see `successor`.
        any_round: the functions in whose loops one round stands for all.
        goes_back: the functions in which a path ends, and is noted, that jumps backwards or begins another round of a
            ``do``.

    The lists `checks`, `steps`, `cut_calls`, `calls_made`, `rounds_made`, `shared_accesses` and `went_back` grow with
    every run and belong to the caller; so does `beyond`, which says when a pointer from outside is moved off the one
    object that it is known to lead to. `addresses` finds pointers again that are kept as numbers.
    """

    def __init__(
        self,
        definitions: Definitions,
        cuts: Sequence[Cut] = (),
        *,
        earlier: Machine | None = None,
        any_round: Set[str] = frozenset(),
        goes_back: Set[str] = frozenset(),
    ) -> None:
        self._definitions, self._cuts = definitions, {cut.function: cut for cut in cuts}
        self._globals: dict[Variable, Object] = {} if earlier is None else earlier._globals
        self._run: Execution = (
            Execution() if earlier is None else Execution(earlier._run.counts, earlier._run.addresses)
        )
        self.addresses = self._run.addresses
        self.checks, self.steps, self.beyond = self._run.checks, self._run.steps, self._run.beyond
        self.cut_calls, self.calls_made = self._run.cut_calls, self._run.calls_made
        self.rounds_made, self.went_back = self._run.rounds_made, self._run.went_back
        self.shared_accesses = self._run.shared_accesses
        self._limits = RunLimits(any_round=any_round, goes_back=goes_back)
        self._evaluator = Evaluator(
            definitions=definitions, run=self._run, known=self._globals, policy=self._policy, limits=self._limits
        )

    def _policy(self, parts: Evaluator[CutCalls]) -> CutCalls:
        return CutCalls(
            cuts=self._cuts,
            definitions=self._definitions,
            run=self._run,
            access=parts.access,
            values=parts,
            variables=parts.variables,
        )

    def successor(self, cuts: Sequence[Cut] | None = None) -> Machine:
        """A machine that goes on with the same objects of static storage, and has seen nothing yet.

        Its unknown results are none of this one's. Two successors are two futures of one past: what one of
        them names does not depend on whether there is another.

        Args:
            cuts: the calls that it does not follow, if not the same.
        """
        return Machine(
            self._definitions,
            tuple(self._cuts.values()) if cuts is None else cuts,
            earlier=self,
            any_round=self._limits.any_round,
            goes_back=self._limits.goes_back,
        )

    @property
    def globals_seen(self) -> Mapping[str, Object]:
        """The objects with static storage that the code has named so far, by name."""
        return {variable.name: object_ for variable, object_ in self._globals.items()}

    def global_object(self, variable: Variable) -> Object:
        """The object that holds a variable with static storage."""
        return self._evaluator.variables.global_object(variable)

    def run(
        self, function: Function, arguments: Sequence[Value | Place], memory: Memory, condition: Bool = TRUE
    ) -> Result:
        """Call ``function`` where ``condition`` holds; ``memory`` is changed, the result returned.

        After a refusal ``memory`` is as before.

        Raises:
            Refused: the function does something that is not understood, or is undefined for certain.
        """
        self._run.ran.clear()
        while True:
            mark, self._run.one_step = self._run.mark(), OneStep.NO
            try:
                result = self._evaluator.run(function, arguments, memory, condition)
            except GivenUp:
                self._run.go_back(mark)
                continue
            note_run(tuple(self._run.ran), {each.cut.function for each in self._run.cut_calls})
            return result
