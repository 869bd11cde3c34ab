"""What a command asks of a solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
