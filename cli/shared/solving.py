"""What a command asks of a solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mmuproof.smt.obligation import Answer, Obligation
from mmuproof.smt.terms import Bool


def leave_all(obligations: Sequence[object]) -> Sequence[Answer | None]:
    """No answer to any of them: each is decided by itself."""
    return [None] * len(obligations)


@dataclass(frozen=True)
class Solver:
    """What a run asks of a solver.

    Args:
        decide: decides one obligation, given what is preferred of a counterexample.
        satisfiable: whether some assignment makes a truth value true, None if the budget runs out.
        prove: proves several obligations at once, as far as it can; those without an answer are left to ``decide``.
    """

    decide: Callable[[Obligation, Sequence[Bool]], Answer]
    satisfiable: Callable[[Bool], bool | None]
    prove: Callable[[Sequence[Obligation]], Sequence[Answer | None]] = leave_all

    @classmethod
    def within(cls, budget: int | None) -> Solver:
        """Z3 with a resource limit for each claim, the usual one if none is given."""
        # Only now: it takes longer to load than a mistake on the command line takes to find.
        from mmuproof.smt import backend, solver
        from mmuproof.smt.together import prove_together

        limit = backend.DEFAULT_BUDGET if budget is None else budget
        return cls(
            lambda obligation, preferred: solver.decide(obligation, limit, preferred),
            partial(solver.satisfiable, budget=limit),
            partial(prove_together, budget=limit),
        )
