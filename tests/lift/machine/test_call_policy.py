"""A policy decides about all calls but the machine's own, and about nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmuproof.lift import syntax
from mmuproof.lift.machine.asked_values import Result
from mmuproof.lift.machine.call_policy import CallPolicy, StandIn
from mmuproof.lift.machine.evaluator import Evaluator
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.run_limits import RunLimits
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Place, Value
from mmuproof.lift.syntax import Function, Location
from mmuproof.smt.terms import FALSE, TRUE, bv
from tests.lift.machine.conftest import LiftedFile, program

__all__ = ["program"]

TEXT = """
u64 watched(u64 x); u64 known(u64 x); u64 lost(u64 x);
u64 here(u64 x) { return x + 1; }
u64 top(void) { watched(lost(1)); return known(2) + 10 * lost(here(3)) + 100 * here(known(4)); }
u64 bits(void) { return __builtin_popcount(7); }
"""


class Answers:
    """Passes over what is watched, gives 2 for what is known and 3 for what is not followed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def passes_over(self, function: str) -> bool:
        return function == "watched"

    def stand_in(self, names: Sequence[str]) -> StandIn | None:
        return (lambda call, state: bv(2, 64)) if "known" in names else None

    def not_followed(self, names: Sequence[str], call: syntax.Call, state: State, why: str) -> Result:
        self.asked += names
        return bv(3, 64)

    def follow(
        self,
        function: Function,
        arguments: Sequence[Value | Place],
        state: State,
        at: Location,
        run_body: Callable[[], Result],
    ) -> Result:
        self.asked.append(function.name)
        return run_body()


def answers(_parts: Evaluator[Answers]) -> Answers:
    return Answers()


def run(program: LiftedFile, name: str) -> tuple[Result, list[str]]:
    evaluator = Evaluator(
        definitions=program.unit, run=Execution(), known={}, policy=answers, limits=RunLimits(undecided_rounds=1)
    )
    return evaluator.run(program.unit.function(name), [], Memory(), TRUE), evaluator.policy.asked


def test_a_policy_is_asked_of_every_call_in_the_order_of_what_it_may_say(program: Callable[[str], LiftedFile]) -> None:
    # The argument of what is passed over is not even looked at; this policy does not look at that of lost() either.
    assert run(program(TEXT), "top") == (bv(2 + 10 * 3 + 100 * 3, 64), ["lost", "here"])


def test_it_is_not_asked_of_the_machines_own(program: Callable[[str], LiftedFile]) -> None:
    assert run(program(TEXT), "bits") == (bv(3, 64), [])


def test_a_run_goes_back_to_where_it_was_marked() -> None:
    run, at = Execution(), Location("a.c", 1)
    assert [run.unique("f()") for _ in range(2)] == ["f()", "f()#2"]
    mark = run.mark()
    run.unique("f()")
    run.require(CheckKind.WARN, FALSE, State(TRUE, Memory()), at)
    assert len(run.checks) == 1
    run.go_back(mark)
    assert run.checks == []
    assert run.unique("f()") == "f()#3"


def policy_of_the_types(policy: Answers) -> CallPolicy:
    """What a policy lacks, the type checker finds."""
    return policy
