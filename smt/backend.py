"""Z3's solvers as they are used here: for bit-vectors, with a budget, and quiet."""

from __future__ import annotations

from collections.abc import Mapping

import z3

DEFAULT_BUDGET = 200_000_000
"""Z3's resource limit for one obligation; a thousand times what any theorem here needs."""

_MOST_MEBIBYTES = 2048
"""How much memory the solver may take in a process; several times what any theorem here needs."""


def version() -> str:
    """The solver's name and version."""
    return str(z3.get_full_version())


def fresh_solver(context: z3.Context, budget: int, seed: int = 0) -> z3.Solver:
    """A solver for bit-vectors that knows nothing yet.

    It gives up when its budget (Z3's resource limit) runs out, or if it needs too much memory.
    """
    solver = z3.SolverFor("QF_BV", ctx=context)
    solver.set("rlimit", budget)
    solver.set("max_memory", _MOST_MEBIBYTES)
    solver.set("random_seed", seed)
    # An interrupt belongs to the program, not to the check that happens to run.
    solver.set("ctrl_c", False)
    return solver


def core(solver: z3.Solver) -> list[str]:
    """The names of the literals that contradict each other."""
    return [name(literal) for literal in solver.unsat_core()]


def name(literal: z3.BoolRef) -> str:
    """What a literal is called."""
    # Printing one takes forty times as long.
    return str(literal.decl().name())


def equals(expression: z3.ExprRef, value: int) -> z3.BoolRef:
    """That an expression has a value; 0 or 1 for a truth value."""
    if z3.is_bool(expression):
        return expression if value else z3.Not(expression)
    return expression == value


def read(model: z3.ModelRef, names: Mapping[str, z3.ExprRef]) -> dict[str, int]:
    """The values that a model gives to variables, those that it leaves open among them."""
    values: dict[str, int] = {}
    for each, expression in names.items():
        found = model.eval(expression, model_completion=True)
        values[each] = int(z3.is_true(found)) if z3.is_bool(expression) else found.as_long()
    return values
