"""Deciding obligations with Z3.

Every obligation gets a context and a solver of its own, so an answer depends neither on the order in which
obligations are decided nor on the process that does it.  The budget is Z3's resource limit, not time.
"""

from __future__ import annotations

from collections.abc import Sequence

import z3

from mmuproof.smt.backend import DEFAULT_BUDGET, fresh_solver
from mmuproof.smt.exploration import Exploration
from mmuproof.smt.obligation import Answer, Obligation
from mmuproof.smt.terms import Bool
from mmuproof.smt.translation import Translation


def decide(
    obligation: Obligation,
    budget: int = DEFAULT_BUDGET,
    preferred: Sequence[Bool] = (),
    seed: int = 0,
    *,
    small: bool = True,
) -> Answer:
    """Prove or refute an obligation; see `Exploration` and its `answer`."""
    return Exploration(obligation, budget, seed).answer(preferred, small=small)


def satisfiable(term: Bool, budget: int = DEFAULT_BUDGET) -> bool | None:
    """Whether some assignment makes a truth value true; None if the budget runs out."""
    if term.is_const:
        return bool(term.value)
    translation = Translation()
    solver = fresh_solver(translation.context, budget)
    solver.add(translation.expression(term))
    found = solver.check()
    return None if found == z3.unknown else bool(found == z3.sat)
