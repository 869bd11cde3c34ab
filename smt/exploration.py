"""The counterexamples of one obligation: whether there is one, what can be true of one, and a small one.

One solver holds the assumptions and the negated claim; all that is asked about counterexamples is asked of it, so
what it has learnt of them serves every question.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import z3

from mmuproof.smt.backend import DEFAULT_BUDGET, asking_solver, core, equals, fresh_solver, level, name, read
from mmuproof.smt.graph import evaluate_all, variables
from mmuproof.smt.obligation import Answer, Assignment, Assumption, Obligation, Verdict
from mmuproof.smt.terms import Bool, Term
from mmuproof.smt.translation import Translation

_EVERY_BIT = (1 << 64) - 1
_SMALLEST_BUDGET = 20_000_000


class Exploration:
    """One obligation, decided when it is first asked for.

    Args:
        obligation: what is to be decided.
        budget: Z3's resource limit for each question.
        seed: of the solver's random choices, on which no verdict depends.
    """

    def __init__(self, obligation: Obligation, budget: int = DEFAULT_BUDGET, seed: int = 0) -> None:
        self.obligation = obligation
        self._start = time.thread_time()
        self._budget, self._seed = budget, seed
        self._terms: list[Term] = [assumption.term for assumption in obligation.assumptions]
        self._translation = Translation()
        self._premises = [self._translation.expression(term) for term in self._terms]
        self._broken = z3.Not(self._translation.expression(obligation.claim))
        self._solver = asking_solver(self._translation.context, budget, seed)
        self._solver.add(*self._premises, self._broken)
        self._asked = 0
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
        found = self._solver.check()
        if found == z3.sat:
            # A counterexample satisfies the assumptions: nothing else is to be shown of them.
            self._model = self._solver.model()
            return self._answer(Verdict.REFUTED)
        if found != z3.unsat:
            return self._answer(Verdict.UNKNOWN, reason=str(self._solver.reason_unknown()))
        context = self._translation.context
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
            if left and (found := self._ask(z3.Or(*left.values()))) != z3.sat:
                answers |= dict.fromkeys(left, False if found == z3.unsat else None)
                break
            model = self._solver.model() if left else model
        return [answers[index] for index in range(len(terms))]

    def seen(self, terms: Sequence[Bool]) -> list[bool]:
        """Of each of several truth values whether it is true in the counterexample that was found first."""
        model = self._model
        return [model is not None and _is_true(model, self._translation.expression(term)) for term in terms]

    def _ask(self, condition: z3.BoolRef) -> z3.CheckSatResult:
        """Look for a counterexample of which something more is true."""
        # A literal costs the solver less than a level of its own, which it has to leave again.
        self._asked += 1
        literal = z3.Bool(f"|question {self._asked}|", self._translation.context)
        self._solver.add(z3.Implies(literal, condition))
        return self._solver.check(literal)

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
            effort: how many questions that search may take, first for few bits and then for those that matter; any
                number by default.
            whole: whether only whole variables are made zero and only of whole variables it is told if they matter.
        """
        if self._model is None:
            return self._decided
        names = variables(*self._terms, self.obligation.claim, *preferred)
        expressions = {each: self._translation.expression(term) for each, term in sorted(names.items())}
        model, broken = self._model, self._broken
        with level(self._solver):
            for preference in (self._translation.expression(each) for each in preferred):
                if not _is_true(model, preference):
                    if self._ask(preference) != z3.sat:
                        continue
                    model = self._solver.model()
                broken = z3.And(broken, preference)
                self._solver.add(preference)
                break
            values = read(model, expressions)
            if small:
                self._solver.set("rlimit", min(self._budget, _SMALLEST_BUDGET))
                values = _smallest(self._solver, expressions, values, effort, whole)
                self._solver.set("rlimit", self._budget)
        kept = evaluate_all([*self._terms, self.obligation.claim], values)
        if not all(kept[:-1]) or kept[-1]:
            return self._answer(Verdict.ERROR, reason="the solver's counterexample does not stand its evaluation")
        relevant: Mapping[str, int] = dict.fromkeys(values, _EVERY_BIT)
        if small:
            relevant = self._relevant(broken, expressions, values, effort, whole)
        return self._answer(Verdict.REFUTED, assignment=Assignment(values, relevant))

    def _relevant(
        self,
        broken: z3.BoolRef,
        names: Mapping[str, z3.ExprRef],
        values: Mapping[str, int],
        effort: int | None,
        whole: bool,
    ) -> dict[str, int]:
        """Which bits have to be as they are for the claim to fail, all others being free."""
        context = self._translation.context
        solver = fresh_solver(context, min(self._budget, _SMALLEST_BUDGET))
        solver.add(*self._premises, z3.Not(broken))
        # Whole variables first: most do not matter, and bits are many.
        of_all = {each: z3.Bool(f"|{each}|", context) for each in names}
        for each, literal in of_all.items():
            solver.add(z3.Implies(literal, equals(names[each], values[each])))
        if solver.check(*of_all.values()) != z3.unsat:
            return dict.fromkeys(names, _EVERY_BIT)
        of_literal = {f"|{each}|": each for each in names}
        matter = sorted(of_literal[literal] for literal in core(solver))
        if whole:
            return {each: _EVERY_BIT if each in set(matter) else 0 for each in names}
        literals: dict[str, tuple[z3.BoolRef, str, int]] = {}
        for each in matter:
            expression = names[each]
            width = 1 if z3.is_bool(expression) else expression.size()
            for index in range(width):
                literal = z3.Bool(f"|{each}| bit {index}", context)
                one = bool(values[each] >> index & 1)
                if z3.is_bool(expression):
                    solver.add(z3.Implies(literal, expression if one else z3.Not(expression)))
                else:
                    solver.add(z3.Implies(literal, z3.Extract(index, index, expression) == int(one)))
                literals[name(literal)] = (literal, each, index)
        if solver.check(*(literal for literal, _, _ in literals.values())) != z3.unsat:
            return dict.fromkeys(names, _EVERY_BIT)
        left = core(solver)
        for candidate in sorted(left)[:effort]:
            rest = [literals[each][0] for each in left if each != candidate]
            if solver.check(*rest) == z3.unsat:
                left = core(solver) if rest else []
            if candidate not in left and not left:
                break
        relevant = dict.fromkeys(names, 0)
        for literal_name in left:
            _, each, index = literals[literal_name]
            relevant[each] |= 1 << index
        return relevant


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
