"""Proving many obligations that have much in common, such as those of one theorem.

They share one context, so what they have in common is built once.  Each is still decided by a solver of its own.
Only proofs are taken from here: a proof does not depend on what else is in a context, the choice of a counterexample
may.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import z3

from mmuproof.smt.backend import DEFAULT_BUDGET, fresh_solver
from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.terms import Term
from mmuproof.smt.translation import Translation


def prove_together(obligations: Sequence[Obligation], budget: int = DEFAULT_BUDGET) -> list[Answer | None]:
    """Of each obligation the answer that it is proved; None for one that `mmuproof.smt.solver.decide` has to decide.

    Args:
        obligations: what is to be proved.
        budget: Z3's resource limit for each check.
    """
    answers: list[Answer | None] = []
    for group in _groups(obligations):
        answers += _prove(group, budget)
    return answers


def _groups(obligations: Sequence[Obligation]) -> Iterator[list[Obligation]]:
    """Neighbours that use no name with two widths, which a context cannot have."""
    group: list[Obligation] = []
    names: dict[str, Term] = {}
    for obligation in obligations:
        mine = variables(*obligation.terms)
        if any(names.get(name, term) is not term for name, term in mine.items()):
            yield group
            group, names = [], {}
        group.append(obligation)
        names.update(mine)
    if group:
        yield group


def _prove(group: Sequence[Obligation], budget: int) -> Iterator[Answer | None]:
    start = time.thread_time()
    translation = Translation()
    expressions = [[translation.expression(term) for term in obligation.terms] for obligation in group]
    translation.release()
    shared = (time.thread_time() - start) / len(group)
    premises = _Premises(translation.context, budget)
    known: dict[tuple[Term, ...], bool] = {}
    for obligation, (*assumed, claim) in zip(group, expressions, strict=True):
        start = time.thread_time()
        terms = obligation.terms
        if terms not in known:
            known[terms] = premises.hold(terms[:-1], assumed) and _follows(translation.context, assumed, claim, budget)
        seconds = shared + time.thread_time() - start
        yield Answer(verdict=Verdict.PROVED, seconds=seconds) if known[terms] else None


def _follows(context: z3.Context, premises: Sequence[z3.BoolRef], claim: z3.BoolRef, budget: int) -> bool:
    solver = fresh_solver(context, budget)
    solver.add(*premises, z3.Not(claim))
    return bool(solver.check() == z3.unsat)


class _Premises:
    """Which assumptions can hold together; a model that has been found for some often serves others."""

    def __init__(self, context: z3.Context, budget: int) -> None:
        self._context, self._budget = context, budget
        self._known: dict[tuple[Term, ...], bool] = {}
        self._models: list[z3.ModelRef] = []

    def hold(self, terms: tuple[Term, ...], premises: Sequence[z3.BoolRef]) -> bool:
        """Whether some assignment satisfies all of these."""
        if terms not in self._known:
            self._known[terms] = self._satisfied(premises) or self._satisfiable(premises)
        return self._known[terms]

    def _satisfied(self, premises: Sequence[z3.BoolRef]) -> bool:
        whole = z3.And(*premises, self._context)
        return any(z3.is_true(model.eval(whole, model_completion=True)) for model in self._models)

    def _satisfiable(self, premises: Sequence[z3.BoolRef]) -> bool:
        solver = fresh_solver(self._context, self._budget)
        # Behind a level of its own the solver works incrementally, which is quicker for what is easily satisfied.
        solver.push()
        solver.add(*premises)
        found = bool(solver.check() == z3.sat)
        if found:
            self._models.append(solver.model())
        return found
