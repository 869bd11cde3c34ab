"""The solver as `mmuproof diff` uses it, with a small budget."""

from __future__ import annotations

from functools import partial

from mmuproof.cli.judging import Solver
from mmuproof.smt import solver

_BUDGET, _EFFORT = 400_000, 100

SOLVER = Solver(
    lambda obligation, preferred: solver.decide(obligation, _BUDGET, preferred, effort=_EFFORT),
    lambda obligation, preferred, effort: solver.decide(obligation, _BUDGET, preferred, effort=effort, whole=True),
    partial(solver.decide, budget=_BUDGET, effort=_EFFORT),
    partial(solver.decide, budget=_BUDGET, small=False),
    partial(solver.satisfiable, budget=_BUDGET),
    partial(solver.possible, budget=_BUDGET),
)
