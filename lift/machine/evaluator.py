"""The parts of the machine that evaluate, made for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from mmuproof.lift.machine.access import MemoryAccess
from mmuproof.lift.machine.asked_values import Result
from mmuproof.lift.machine.call_policy import CallPolicy
from mmuproof.lift.machine.calls import Calls
from mmuproof.lift.machine.definitions import Definitions
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.expressions import Expressions
from mmuproof.lift.machine.intrinsics import Intrinsics
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.places import Lvalues
from mmuproof.lift.machine.run_limits import RunLimits
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.statements import Statements
from mmuproof.lift.machine.values import Object, Place, Value
from mmuproof.lift.machine.variables import Variables
from mmuproof.lift.syntax import Function, Variable
from mmuproof.smt.terms import Bool

_Policy = TypeVar("_Policy", bound=CallPolicy)


def _nothing(_name: str) -> bool:
    return False


class Evaluator(Generic[_Policy]):
    """Here the circle closes: this is the `Evaluation` that each part asks for what it does not do itself.

    Args:
        definitions: the translation unit.
        run: what all parts share.
        known: the objects with static storage; those that are named first here are added.
        policy: makes what decides about calls, of the parts that are there already.
        limits: how far a run goes.
        is_settled: whether an object with static storage, by its name, is changed by no call.
    """

    def __init__(
        self,
        *,
        definitions: Definitions,
        run: Execution,
        known: dict[Variable, Object],
        policy: Callable[[Evaluator[_Policy]], _Policy],
        limits: RunLimits,
        is_settled: Callable[[str], bool] = _nothing,
    ) -> None:
        self.access = MemoryAccess(run=run)
        self.variables = Variables(run=run, access=self.access, values=self, known=known, is_settled=is_settled)
        lvalues = Lvalues(run=run, access=self.access, values=self, variables=self.variables)
        statements = Statements(run=run, access=self.access, values=self, variables=self.variables, limits=limits)
        self.policy = policy(self)
        self._calls = Calls(
            definitions=definitions,
            policy=self.policy,
            intrinsics=Intrinsics(run=run, access=self.access, values=self),
            run=run,
            access=self.access,
            values=self,
            statements=statements,
        )
        expressions = Expressions(
            run=run, access=self.access, lvalues=lvalues, calls=self._calls, statements=statements
        )
        # Attributes, not methods: there is one such call for every operand.
        self.value, self.evaluate, self.result = expressions.value, expressions.evaluate, expressions.result
        self.aggregate = lvalues.aggregate

    def run(self, function: Function, arguments: Sequence[Value | Place], memory: Memory, condition: Bool) -> Result:
        """See `mmuproof.lift.machine.machine.Machine`."""
        state = State(condition, memory.copy())
        result = self._calls.run_body(function, arguments, state, function.location)
        memory.become(state.memory)
        return result
