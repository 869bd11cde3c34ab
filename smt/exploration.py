"""The counterexamples of one obligation: whether there is one, what can be true of one, and a small one.

Terms are built once for all questions.  As long as questions are easy, one solver that holds the assumptions and the
negated claim answers them, so what it has learnt serves each; a model that it finds answers all that is true in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import z3

from mmuproof.smt.backend import DEFAULT_BUDGET, core, equals, fresh_solver, level, name, read
from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Answer, Assignment, Assumption, Obligation, Verdict
from mmuproof.smt.terms import Bool
from mmuproof.smt.translation import Translation

_EVERY_BIT = (1 << 64) - 1
_SMALLEST_BUDGET = 20_000_000
_EASY = 100_000
"""Z3's resource limit for a question about counterexamples, before it is asked of a solver that is better at proofs."""


class Exploration:
    """One obligation, which is decided at once, and its counterexamples.

    Args:
        obligation: what is to be decided.
        budget: Z3's resource limit for each question.
        seed: of the solver's random choices, on which no verdict depends.
    """

    def __init__(self, obligation: Obligation, budget: int = DEFAULT_BUDGET, seed: int = 0) -> None:
        self.obligation = obligation
        self._start = time.thread_time()
        self._budget, self._seed = budget, seed
        self._translation = Translation()
        *self._premises, claim = [self._translation.expression(term) for term in obligation.terms]
        self._broken = z3.Not(claim)
        self._is_easy = True
        self._model: z3.ModelRef | None = None
        self._decided = self._decide()

    @property
    def verdict(self) -> Verdict:
        """PROVED, REFUTED, VACUOUS or UNKNOWN."""
        return self._decided.verdict

    # -- deciding ---------------------------------------------------------------------------------

    def _answer(self, verdict: Verdict, **details: object) -> Answer:
        return Answer(verdict, time.thread_time() - self._start, **details)  # type: ignore[arg-type]

    def _decide(self) -> Answer:
        context = self._translation.context
        solver = fresh_solver(context, self._budget, self._seed)
        solver.add(*self._premises, self._broken)
        found = solver.check()
        if found == z3.sat:
            # A counterexample satisfies the assumptions: nothing else is to be shown of them.
            self._model = solver.model()
            return self._answer(Verdict.REFUTED)
        if found != z3.unsat:
            return self._answer(Verdict.UNKNOWN, reason=str(solver.reason_unknown()))
        solver = fresh_solver(context, self._budget, self._seed)
        labels = [z3.Bool(f"|assumption {index}|", context) for index in range(len(self._premises))]
        for label, premise in zip(labels, self._premises, strict=True):
            solver.add(z3.Implies(label, premise))
        found = solver.check(*labels)
        if found == z3.sat:
            return self._answer(Verdict.PROVED)
        if found != z3.unsat:
            return self._answer(Verdict.UNKNOWN, reason=f"assumptions: {solver.reason_unknown()}")
        contradicting = core(solver)
        return self._answer(
            Verdict.VACUOUS,
            core=tuple(
                assumption.label
                for label, assumption in zip(labels, self.obligation.assumptions, strict=True)
                if name(label) in contradicting
            ),
            reason="the assumptions contradict each other",
        )

    # -- asking -----------------------------------------------------------------------------------

    def possible(self, terms: Sequence[Bool]) -> list[bool | None]:
        """Of each of several truth values whether it is true in some counterexample; None if the budget runs out."""
        if self._model is None:
            return [None if self.verdict is Verdict.UNKNOWN else False] * len(terms)
        answers: dict[int, bool | None] = {}
        left = {index: self._translation.expression(term) for index, term in enumerate(terms)}
        model = self._model
        while left:
            # One counterexample decides all that is true in it.
            for index in [each for each, expression in left.items() if _is_true(model, expression)]:
                answers[index] = True
                del left[index]
            if left:
                found, further = self._ask(z3.Or(*left.values()))
                if further is None:
                    answers |= dict.fromkeys(left, False if found == z3.unsat else None)
                    break
                model = further
        return [answers[index] for index in range(len(terms))]

    def seen(self, terms: Sequence[Bool]) -> list[bool]:
        """Of each of several truth values whether it is true in the counterexample that was found first."""
        model = self._model
        return [model is not None and _is_true(model, self._translation.expression(term)) for term in terms]

    @cached_property
    def _solver(self) -> z3.Solver:
        """A solver for easy questions about counterexamples."""
        solver = fresh_solver(self._translation.context, min(self._budget, _EASY), self._seed)
        # Behind a level of its own it works incrementally from the beginning.
        solver.push()
        solver.add(*self._premises, self._broken)
        return solver

    def _ask(self, condition: z3.BoolRef) -> tuple[z3.CheckSatResult, z3.ModelRef | None]:
        """Look for a counterexample of which something more is true."""
        if self._is_easy:
            with level(self._solver):
                self._solver.add(condition)
                found = self._solver.check()
                if found != z3.unknown:
                    return found, self._solver.model() if found == z3.sat else None
            # Nor will the next question be easy.
            self._is_easy = False
        solver = fresh_solver(self._translation.context, self._budget, self._seed)
        solver.add(*self._premises, self._broken, condition)
        found = solver.check()
        return found, solver.model() if found == z3.sat else None

    def allowed(self, term: Bool) -> bool | None:
        """Whether a truth value can be true together with the assumptions; None if the budget runs out."""
        solver = fresh_solver(self._translation.context, self._budget, self._seed)
        solver.add(*self._premises, self._translation.expression(term))
        found = solver.check()
        return None if found == z3.unknown else bool(found == z3.sat)

    def under(self, assumption: Assumption) -> Exploration:
        """The same claim under one more assumption."""
        obligation = Obligation((*self.obligation.assumptions, assumption), self.obligation.claim)
        return Exploration(obligation, self._budget, self._seed)

    # -- counterexamples --------------------------------------------------------------------------

    def answer(
        self,
        preferred: Sequence[Bool] = (),
        *,
        small: bool = True,
        effort: int | None = None,
        whole: bool = False,
    ) -> Answer:
        """The verdict, with a counterexample if it is REFUTED.

        The assignment is confirmed by evaluating both sides with plain integers; one that does not stand this is an
        ERROR.

        Args:
            preferred: conditions on a counterexample, the most telling first; the first that some counterexample
                satisfies is satisfied by the one given, and by all that agree with it in the relevant bits.
            small: whether to look for a counterexample with few bits, and for the bits of it that matter.
            effort: how many questions that search may take; any number by default.
            whole: whether only whole variables are made zero and only of whole variables it is told if they matter.
        """
        if self._model is None:
            return self._decided
        names = variables(*self.obligation.terms, *preferred)
        expressions = {each: self._translation.expression(term) for each, term in sorted(names.items())}
        model, broken = self._model, self._broken
        for preference in (self._translation.expression(each) for each in preferred):
            found = model if _is_true(model, preference) else self._ask(preference)[1]
            if found is not None:
                model, broken = found, z3.And(broken, preference)
                break
        values = read(model, expressions)
        relevant: Mapping[str, int] = dict.fromkeys(values, _EVERY_BIT)
        if small:
            relevance = _Relevance(self._translation.context, self._premises, broken, expressions, self._budget)
            values = self._smaller(relevance, expressions, values, effort, whole)
            relevant = relevance.bits(values, whole=whole)
        if not self.obligation.is_refuted_by(values):
            return self._answer(Verdict.ERROR, reason="the solver's counterexample does not stand its evaluation")
        return self._answer(Verdict.REFUTED, assignment=Assignment(values, relevant))

    def _smaller(
        self,
        relevance: _Relevance,
        names: Mapping[str, z3.ExprRef],
        values: dict[str, int],
        effort: int | None,
        whole: bool,
    ) -> dict[str, int]:
        """A counterexample with few bits set: first all is zero that does not matter, then what can be of the rest."""
        matter = relevance.variables(values)
        plain = self._cleared(relevance, values, whole=True)
        if matter is None or plain is values:
            # It is not known what matters, or the assumptions speak of more than that.
            matter = set(names)
        elif not whole:
            plain = self._cleared(relevance, plain, whole=False)
        solver = fresh_solver(self._translation.context, min(self._budget, _SMALLEST_BUDGET), self._seed)
        solver.add(*self._premises, relevance.broken)
        solver.add(*(equals(names[each], value) for each, value in plain.items() if each not in matter))
        found = _smallest(solver, {each: names[each] for each in names if each in matter}, dict(plain), effort, whole)
        return found if whole else self._cleared(relevance, found, whole=False)

    def _cleared(self, relevance: _Relevance, values: dict[str, int], *, whole: bool) -> dict[str, int]:
        """The same without the bits that do not matter, if that is a counterexample."""
        bits = relevance.bits(values, whole=whole)
        plain = {each: value & bits[each] for each, value in values.items()}
        return plain if self.obligation.is_refuted_by(plain) else values


class _Relevance:
    """Which bits of a counterexample have to be as they are, all others being free."""

    def __init__(
        self,
        context: z3.Context,
        premises: Sequence[z3.BoolRef],
        broken: z3.BoolRef,
        names: Mapping[str, z3.ExprRef],
        budget: int,
    ) -> None:
        self.broken = broken
        self._context, self._names = context, names
        self._solver = fresh_solver(context, min(budget, _SMALLEST_BUDGET))
        self._solver.set("core.minimize", True)
        self._solver.add(*premises, z3.Not(broken))
        self._known: tuple[Mapping[str, int], set[str] | None] | None = None

    def variables(self, values: Mapping[str, int]) -> set[str] | None:
        """The variables that have to be as they are; None if that is not known."""
        if self._known is None or self._known[0] != values:
            self._known = dict(values), self._variables(values)
        return self._known[1]

    def _variables(self, values: Mapping[str, int]) -> set[str] | None:
        names = {f"|{each}| = {values[each]:#x}": each for each in self._names}
        literals = [z3.Bool(text, self._context) for text in names]
        for literal, each in zip(literals, names.values(), strict=True):
            self._solver.add(z3.Implies(literal, equals(self._names[each], values[each])))
        if self._solver.check(*literals) != z3.unsat:
            return None
        return {names[literal] for literal in core(self._solver)}

    def bits(self, values: Mapping[str, int], *, whole: bool) -> dict[str, int]:
        """The mask of those bits of each variable; see `Exploration.answer`."""
        # Whole variables first: most do not matter, and bits are many.
        matter = self.variables(values)
        if matter is None:
            return dict.fromkeys(self._names, _EVERY_BIT)
        if whole:
            return {each: _EVERY_BIT if each in matter else 0 for each in self._names}
        literals = self._bit_literals(values, sorted(matter))
        if self._solver.check(*(literal for literal, _, _ in literals.values())) != z3.unsat:
            return dict.fromkeys(self._names, _EVERY_BIT)
        left = core(self._solver)
        relevant = dict.fromkeys(self._names, 0)
        for literal_name in left:
            _, each, index = literals[literal_name]
            relevant[each] |= 1 << index
        return relevant

    def _bit_literals(self, values: Mapping[str, int], names: Sequence[str]) -> dict[str, tuple[z3.BoolRef, str, int]]:
        """A literal for each bit of some variables, which says that it is as it is; by the literal's name."""
        literals: dict[str, tuple[z3.BoolRef, str, int]] = {}
        for each in names:
            expression = self._names[each]
            for index in range(1 if z3.is_bool(expression) else expression.size()):
                one = values[each] >> index & 1
                # Not one that says something else since it was asked about another assignment.
                literal = z3.Bool(f"|{each}| bit {index} = {one}", self._context)
                bit = expression if z3.is_bool(expression) else z3.Extract(index, index, expression)
                self._solver.add(z3.Implies(literal, equals(bit, one)))
                literals[name(literal)] = (literal, each, index)
        return literals


def _is_true(model: z3.ModelRef, expression: z3.BoolRef) -> bool:
    return bool(z3.is_true(model.eval(expression, model_completion=True)))


def _smallest(
    solver: z3.Solver, names: Mapping[str, z3.ExprRef], values: dict[str, int], effort: int | None, whole: bool
) -> dict[str, int]:
    """An assignment that satisfies the solver's formulas with few bits set: greedy, first whole variables.

    The search stops early, with what it has, when it gets expensive.
    """
    left = effort

    def try_with(condition: z3.BoolRef) -> bool:
        nonlocal left
        if left is not None:
            if not left:
                return False
            left -= 1
        solver.push()
        solver.add(condition)
        if solver.check() == z3.sat:
            values.update(read(solver.model(), names))
            return True
        solver.pop()
        return False

    for each, expression in names.items():
        if values[each]:
            try_with(equals(expression, 0))
        else:
            solver.add(equals(expression, 0))
    for each, expression in names.items() if not whole else ():
        if not values[each] or z3.is_bool(expression):
            continue
        for index in reversed(range(expression.size())):
            wanted = z3.Extract(index, index, expression) == 0
            if values[each] >> index & 1:
                try_with(wanted)
            else:
                solver.add(wanted)
    return values
