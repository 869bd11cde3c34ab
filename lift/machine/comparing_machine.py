"""The machine for comparing two versions of a function: what neither follows, both are taken to do alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mmuproof.lift.machine.asked_values import Evaluation, Result
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.evaluator import Evaluator
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.opaque_calls import CallResults, Opaque, OpaqueCall, OpaqueCalls
from mmuproof.lift.machine.run_limits import RunLimits
from mmuproof.lift.machine.values import Place, Value
from mmuproof.lift.syntax import Function
from mmuproof.smt.terms import TRUE


class ComparingMachine:
    """Runs a function of one translation unit, and goes on behind a call that it cannot follow.

    A loop whose end is not certain is given up sooner than elsewhere: page tables have five levels.

    Args:
        definitions: the translation unit.
        opaque: what is known of functions that are not followed.
        answers: shared by the machines whose runs are compared.
        is_settled: whether an object with static storage, by its name, is changed by no call.
        names: how functions are called in the names of unknown results, where that is not by their own names.
        numbers: for which of the calls of a function each of them is taken, where that is not their order in the text.
        before: the calls of the run that this one is held against; see `OpaqueCalls`.
        parameters: what the parameters of functions are called; see `OpaqueCalls`.
        budget: how many statements are run before what is run is given up.

    What it has found grows with every run: `checks` and `steps`, the calls that were not followed, the functions
    that were given up, the types of all unknown results and the unions (`words`), both by their names.
    """

    def __init__(
        self,
        definitions: Definitions,
        *,
        opaque: Opaque,
        answers: CallResults,
        is_settled: Callable[[str], bool],
        names: Mapping[str, str] | None = None,
        numbers: Mapping[str, Sequence[int]] | None = None,
        before: Sequence[OpaqueCall] = (),
        parameters: Callable[[str], Sequence[str]] = lambda _: (),
        budget: int = 20_000,
    ) -> None:
        run = Execution()
        run.stays_inside, run.elements = True, answers

        def policy(parts: Evaluation) -> OpaqueCalls:
            return OpaqueCalls(
                opaque=opaque,
                answers=answers,
                names=names or {},
                numbers=numbers or {},
                before=before,
                parameters=parameters,
                run=run,
                values=parts,
            )

        self._evaluator = Evaluator(
            definitions=definitions,
            run=run,
            known={},
            policy=policy,
            limits=RunLimits(undecided_rounds=6, statements=budget),
            is_settled=is_settled,
        )
        self._run = run
        calls = self._evaluator.policy
        self.checks, self.steps, self.words, self.beyond = run.checks, run.steps, run.words, run.beyond
        self.opaque_calls, self.given_up, self.results = calls.calls, calls.given_up, calls.results

    @property
    def tells_apart(self) -> bool:
        """Whether pointers to different objects have been compared."""
        return self._run.tells_apart

    def run(self, function: Function, arguments: Sequence[Value | Place], memory: Memory) -> Result:
        """Call ``function``; ``memory`` is changed, the result returned.

        Raises:
            Refused: something in the function itself is not understood, or it takes too long.
        """
        return self._evaluator.run(function, arguments, memory, TRUE)
