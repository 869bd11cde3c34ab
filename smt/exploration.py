"""The counterexamples of one obligation: whether there is one, what can be true of one, and a small one.

What is true of a counterexample that is known is computed; the solver is asked for what is not.  As long as questions
are easy, one solver that holds the assumptions and the negated claim answers them, so what it has learnt serves each.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, count, islice

import z3

from mmuproof.smt.backend import DEFAULT_BUDGET, core, fresh_solver, name, read
from mmuproof.smt.dependence import justify
from mmuproof.smt.graph import evaluate, evaluate_all, postorder, values_of, variables, variables_among
from mmuproof.smt.guesses import guesses_for
from mmuproof.smt.obligation import Answer, Assignment, Assumption, Obligation, Verdict
from mmuproof.smt.small_search import SmallSearch
from mmuproof.smt.terms import TRUE, Bool, Term, all_of, any_of, negate
from mmuproof.smt.translation import Translation

_EVERY_BIT = (1 << 64) - 1
_NO_COUNTEREXAMPLE = "the solver's counterexample does not stand its evaluation"
_EASY = 100_000
"""Z3's resource limit for a question about counterexamples, before it is asked of a solver that is better at proofs."""


class Exploration:
    """One obligation, which is decided at once, and its counterexamples.

    Args:
        obligation: what is to be decided.
        budget: Z3's resource limit for each question.
        seed: of the solver's random choices, on which no verdict depends.
        guesses: assignments that may refute it, or satisfy its assumptions; they are tried before the solver is asked.
    """

    def __init__(
        self,
        obligation: Obligation,
        budget: int = DEFAULT_BUDGET,
        seed: int = 0,
        guesses: Iterable[Mapping[str, int]] = (),
    ) -> None:
        self.obligation = obligation
        self._start = time.thread_time()
        self._budget, self._seed = budget, seed
        self._is_easy, self._questions = True, count()
        self._counterexample: Mapping[str, int] | None = None
        self._guesses, self._can_hold = guesses, False
        self._decided = self._guessed() or self._decide()

    @property
    def verdict(self) -> Verdict:
        """PROVED, REFUTED, VACUOUS or UNKNOWN; ERROR if the solver's counterexample is none."""
        return self._decided.verdict

    @property
    def counterexample(self) -> Mapping[str, int] | None:
        """The values that refute it, of all its variables."""
        return self._counterexample

    # -- deciding ---------------------------------------------------------------------------------

    def _answer(self, verdict: Verdict, **details: object) -> Answer:
        return Answer(verdict=verdict, seconds=time.thread_time() - self._start, **details)  # type: ignore[arg-type]

    @property
    def _names(self) -> Mapping[str, Term]:
        return self.obligation.variables

    def _guessed(self) -> Answer | None:
        """What some guess shows: a counterexample, or of a claim that is always true that it is no vacuous one."""
        always = self.obligation.claim is TRUE
        base: Mapping[str, int] = {}
        held: Mapping[str, int] = {}
        for guess in self._guesses:
            # As soon as the assumptions hold, what makes them hold is kept.
            values = _mixed(base, guess, held) if self._can_hold else guess
            known = values_of(self.obligation.order, values)
            *premises, claim = (known[each] for each in self.obligation.terms)
            if not all(premises):
                continue
            if always:
                return self._answer(Verdict.PROVED)
            if not claim:
                self._counterexample = {each: known[term] for each, term in self._names.items()}
                return self._answer(Verdict.REFUTED)
            if not self._can_hold:
                self._can_hold, base, held = True, values, justify(self.obligation.premise, values)
        return None

    @cached_property
    def _translation(self) -> Translation:
        return Translation()

    @cached_property
    def _premises(self) -> Sequence[z3.BoolRef]:
        return [self._translation.expression(each.term) for each in self.obligation.assumptions]

    @cached_property
    def _broken(self) -> z3.BoolRef:
        return z3.Not(self._translation.expression(self.obligation.claim))

    def _decide(self) -> Answer:
        context = self._translation.context
        solver = fresh_solver(context, self._budget, self._seed)
        solver.add(*self._premises, self._broken)
        found = solver.check()
        if found == z3.sat:
            # A counterexample satisfies the assumptions: nothing else is to be shown of them.
            return self._refuted(read(solver.model(), self._expressions(self._names)))
        if found != z3.unsat:
            return self._answer(Verdict.UNKNOWN, reason=str(solver.reason_unknown()))
        if self._can_hold:
            # A guess satisfies the assumptions.
            return self._answer(Verdict.PROVED)
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

    def _refuted(self, values: Mapping[str, int]) -> Answer:
        if not self.obligation.is_refuted_by(values):
            return self._answer(Verdict.ERROR, reason=_NO_COUNTEREXAMPLE)
        self._counterexample = values
        return self._answer(Verdict.REFUTED)

    def _expressions(self, names: Mapping[str, Term]) -> dict[str, z3.ExprRef]:
        return {each: self._translation.expression(term) for each, term in sorted(names.items())}

    # -- asking -----------------------------------------------------------------------------------

    def possible(self, terms: Sequence[Bool], *, breaking: bool = False) -> list[bool | None]:
        """Of each of several truth values whether it is true in some counterexample; None if the budget runs out.

        Args:
            terms: the truth values.
            breaking: whether each of them breaks the claim by itself: then nothing else is asked of a counterexample.
        """
        values = self._counterexample
        if values is None:
            return [False if self.verdict in (Verdict.PROVED, Verdict.VACUOUS) else None] * len(terms)
        answers: dict[int, bool | None] = {}
        left = dict(enumerate(terms))
        self._drop_seen(left, values)
        while left:
            found, further = self._ask(any_of(*left.values()), breaking=breaking)
            if further is None:
                answers = dict.fromkeys(left, False if found == z3.unsat else None)
                break
            self._drop_seen(left, further)
        return [answers.get(index, True) for index in range(len(terms))]

    def impossible(self, terms: Sequence[Bool], budget: int | None = None) -> Iterator[int]:
        """Which of several truth values are true in no counterexample, by their indices; looked for one by one.

        Args:
            terms: the truth values.
            budget: a smaller resource limit for each question than usual.
        """
        left = dict(enumerate(terms))
        if self._counterexample is not None:
            self._drop_seen(left, self._counterexample)
        while left:
            index = next(iter(left))
            found, further = self._ask(left[index], budget=budget)
            if further is not None:
                self._drop_seen(left, further)
            left.pop(index, None)
            if found == z3.unsat:
                yield index

    def _drop_seen(self, terms: dict[int, Bool], values: Mapping[str, int]) -> None:
        """Leave out what is true in a counterexample, or in one that agrees with it in what makes it one."""
        order = postorder(terms.values())
        names = {**self._names, **variables_among(order)}
        held = justify(self.obligation.broken, values)
        for guess in chain([values], guesses_for(names)):
            if not terms:
                return
            known = values_of(order, _mixed(values, guess, held))
            for index, term in list(terms.items()):
                if known[term]:
                    del terms[index]

    def seen(self, terms: Sequence[Bool]) -> list[bool]:
        """Of each of several truth values whether it is true in the counterexample that was found first."""
        values = self._counterexample
        return [False] * len(terms) if values is None else [bool(each) for each in evaluate_all([*terms], values)]

    @cached_property
    def _solver(self) -> z3.Solver:
        """A solver for easy questions about counterexamples."""
        solver = fresh_solver(self._translation.context, min(self._budget, _EASY), self._seed)
        # Behind a level of its own it works incrementally from the beginning.
        solver.push()
        solver.add(*self._premises, self._broken)
        return solver

    def _ask(
        self, condition: Bool, *, breaking: bool = False, budget: int | None = None
    ) -> tuple[z3.CheckSatResult, Mapping[str, int] | None]:
        """Look for a counterexample of which something more is true."""
        expression = self._translation.expression(condition)
        names = self._expressions({**self._names, **variables(condition)})
        if self._is_easy and not breaking:
            # A level of its own for each question would take longer to leave than the question to answer.
            asked = z3.Bool(f"|question {next(self._questions)}|", self._translation.context)
            self._solver.add(z3.Implies(asked, expression))
            found = self._solver.check(asked)
            if found != z3.unknown:
                return found, read(self._solver.model(), names) if found == z3.sat else None
            # Nor will the next question be easy.
            self._is_easy = False
        solver = fresh_solver(self._translation.context, min(self._budget, budget or self._budget), self._seed)
        solver.add(*self._premises, expression)
        if not breaking:
            solver.add(self._broken)
        found = solver.check()
        return found, read(solver.model(), names) if found == z3.sat else None

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

    def answer(self, preferred: Sequence[Bool] = (), *, small: bool = True, effort: int | None = None) -> Answer:
        """The verdict, with a counterexample if it is REFUTED.

        The assignment is confirmed by evaluating both sides with plain integers; one that does not stand this is an
        ERROR.

        Args:
            preferred: conditions on a counterexample, the most telling first; the first that some counterexample
                satisfies is satisfied by the one given, and by all that agree with it in the relevant bits.
            small: whether to look for a counterexample with few bits, and for the bits of it that matter.
            effort: how many questions that search may take; any number by default.
        """
        if self._counterexample is None:
            return self._decided
        values, goal = self._preferred(preferred)
        relevant: Mapping[str, int] = dict.fromkeys(values, _EVERY_BIT)
        if small:
            names = self._expressions({**self._names, **variables(*preferred)})
            search = SmallSearch(self._translation, self.obligation, goal, names, self._budget, self._seed)
            values, relevant = search.smallest(values, effort)
        return self._shown(values, relevant)

    def glance(self, preferred: Sequence[Bool] = (), *, tries: int = 0) -> Answer:
        """Like `answer`, with a counterexample that is made small without the solver.

        The bits that are relevant are enough to decide it, and not always as few as possible.

        Args:
            preferred: see `answer`.
            tries: how many variables may be tried with zero.
        """
        if self._counterexample is None:
            return self._decided
        values, goal = self._preferred(preferred)
        whole = all_of(self.obligation.premise, goal)
        terms = postorder([whole])
        relevant = justify(goal, values)
        left = [{each: value & relevant.get(each, 0) for each, value in values.items()}]
        left += ({each: 0} for each in islice((each for each in relevant if values[each]), tries))
        for change in left:
            other = {**values, **change}
            if values_of(terms, other)[whole]:
                values = other
        found = dict.fromkeys(values, 0) | justify(goal, values)
        return self._shown(values, found)

    def _preferred(self, preferred: Sequence[Bool]) -> tuple[Mapping[str, int], Bool]:
        """A counterexample with the first of some conditions that one satisfies, and that it is one."""
        assert self._counterexample is not None
        values, broken = self._counterexample, negate(self.obligation.claim)
        names = variables(*preferred)
        for each in preferred:
            found = values if evaluate(each, values) else self._ask(each)[1]
            if found is not None:
                values, broken = found, all_of(broken, each)
                break
        return {**dict.fromkeys(names, 0), **values}, broken

    def _shown(self, values: Mapping[str, int], relevant: Mapping[str, int]) -> Answer:
        if not self.obligation.is_refuted_by(values):
            return self._answer(Verdict.ERROR, reason=_NO_COUNTEREXAMPLE)
        return self._answer(Verdict.REFUTED, assignment=Assignment(values, relevant))


def _mixed(values: Mapping[str, int], others: Mapping[str, int], held: Mapping[str, int]) -> Mapping[str, int]:
    """Other values, but for those bits that are held."""
    return {
        each: values.get(each, 0) & held.get(each, 0) | other & ~held.get(each, 0) for each, other in others.items()
    }
