"""Deciding obligations with Z3.

Every obligation gets a context and a solver of its own, so an answer depends neither on the order in which
obligations are decided nor on the process that does it.  The budget is Z3's resource limit, not time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import z3

from mmuproof.smt.graph import evaluate_all, variables
from mmuproof.smt.obligation import Answer, Assignment, Obligation, Verdict
from mmuproof.smt.terms import Bool, Term, negate
from mmuproof.smt.translation import translate

DEFAULT_BUDGET = 200_000_000
"""Z3's resource limit for one obligation; a thousand times what any theorem here needs."""

_EVERY_BIT = (1 << 64) - 1
_SMALLEST_BUDGET = 20_000_000


def version() -> str:
    """The solver's name and version."""
    return str(z3.get_full_version())


def decide(
    obligation: Obligation,
    budget: int = DEFAULT_BUDGET,
    preferred: Sequence[Bool] = (),
    seed: int = 0,
    *,
    small: bool = True,
    effort: int | None = None,
    whole: bool = False,
) -> Answer:
    """Prove or refute an obligation.

    A refutation comes with the assignment made small and confirmed by evaluating both sides with plain
    integers; an assignment that does not stand this is an ERROR.

    Args:
        obligation: what is to be decided.
        budget: Z3's resource limit.
        preferred: conditions on a counterexample, the most telling first; the first that some counterexample
            satisfies is satisfied by the one given, and by all that agree with it in the relevant bits.
        seed: of the solver's random choices, on which no verdict depends.
        small: whether to look for a counterexample with few bits, and for the bits of it that matter.
        effort: how many questions that search may take, first for few bits and then for those that matter; any number
            by default.
        whole: whether only whole variables are made zero and only of whole variables it is told if they matter.
    """
    start = time.thread_time()

    def answer(verdict: Verdict, **details: object) -> Answer:
        return Answer(verdict, time.thread_time() - start, **details)  # type: ignore[arg-type]

    terms: list[Term] = [assumption.term for assumption in obligation.assumptions]
    names = variables(*terms, obligation.claim, *preferred)
    z3_side = translate([*terms, obligation.claim, *preferred], names)
    premises, claim = z3_side.expressions[: len(terms)], z3_side.expressions[len(terms)]
    preferences = z3_side.expressions[len(terms) + 1 :]
    context = z3_side.context

    solver = fresh_solver(context, budget, seed)
    labels = [z3.Bool(f"|assumption {index}|", context) for index in range(len(premises))]
    for label, premise in zip(labels, premises, strict=True):
        solver.add(z3.Implies(label, premise))
    found = solver.check(*labels)
    if found == z3.unsat:
        core = _core(solver)
        contradicting = tuple(
            assumption.label
            for label, assumption in zip(labels, obligation.assumptions, strict=True)
            if _name(label) in core
        )
        return answer(Verdict.VACUOUS, core=contradicting, reason="the assumptions contradict each other")
    if found != z3.sat:
        return answer(Verdict.UNKNOWN, reason=f"assumptions: {solver.reason_unknown()}")

    solver = fresh_solver(context, budget, seed)
    solver.add(*premises, z3.Not(claim))
    found = solver.check()
    if found == z3.unsat:
        return answer(Verdict.PROVED)
    if found != z3.sat:
        return answer(Verdict.UNKNOWN, reason=str(solver.reason_unknown()))
    broken = z3.Not(claim)
    for preference in preferences:
        solver.push()
        solver.add(preference)
        if solver.check() == z3.sat:
            broken = z3.And(broken, preference)
            break
        solver.pop()
    else:
        solver.check()
    values = (
        _smallest(solver, z3_side.variables, budget, effort, whole)
        if small
        else _read(solver.model(), z3_side.variables)
    )
    kept = evaluate_all([*terms, obligation.claim], values)
    if not all(kept[:-1]) or kept[-1]:
        return answer(Verdict.ERROR, reason="the solver's counterexample does not stand its evaluation")
    if not small:
        return answer(Verdict.REFUTED, assignment=Assignment(values, dict.fromkeys(values, _EVERY_BIT)))
    relevant = _relevant_bits(context, [*premises, z3.Not(broken)], z3_side.variables, values, budget, effort, whole)
    return answer(Verdict.REFUTED, assignment=Assignment(values, relevant))


def satisfiable(term: Term, budget: int = DEFAULT_BUDGET) -> bool | None:
    """Whether some assignment makes a truth value true; None if the budget runs out."""
    z3_side = translate([term], variables(term))
    solver = fresh_solver(z3_side.context, budget)
    solver.add(z3_side.expressions[0])
    found = solver.check()
    return None if found == z3.unknown else bool(found == z3.sat)


def possible(premise: Bool, terms: Sequence[Bool], budget: int = DEFAULT_BUDGET) -> list[bool | None]:
    """Of each of several truth values whether it can be true together with a premise; None if the budget runs out.

    They are asked one after the other of one solver, so what it has learnt of the premise serves them all.
    """
    z3_side = translate([premise, *terms], variables(premise, *terms))
    solver = fresh_solver(z3_side.context, budget)
    solver.add(z3_side.expressions[0])
    answers: list[bool | None] = []
    for expression in z3_side.expressions[1:]:
        solver.push()
        solver.add(expression)
        found = solver.check()
        solver.pop()
        answers.append(None if found == z3.unknown else bool(found == z3.sat))
    return answers


def fresh_solver(context: z3.Context, budget: int, seed: int = 0) -> z3.Solver:
    """A solver for bit-vectors that knows nothing yet and gives up when its budget (Z3's resource limit) runs out."""
    solver = z3.SolverFor("QF_BV", ctx=context)
    solver.set("rlimit", budget)
    solver.set("random_seed", seed)
    # An interrupt belongs to the program, not to the check that happens to run.
    solver.set("ctrl_c", False)
    return solver


def _smallest(
    solver: z3.Solver, names: Mapping[str, z3.ExprRef], budget: int, effort: int | None, whole: bool
) -> dict[str, int]:
    """An assignment that satisfies the solver's formulas with few bits set: greedy, first whole variables.

    The search stops early, with what it has, when it gets expensive.
    """
    values = _read(solver.model(), names)
    solver.set("rlimit", min(budget, _SMALLEST_BUDGET))
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
            values.update(_read(solver.model(), names))
            return True
        solver.pop()
        return False

    for name, expression in names.items():
        if values[name]:
            try_with(_equals(expression, 0))
        else:
            solver.add(_equals(expression, 0))
    for name, expression in names.items() if not whole else ():
        if not values[name] or z3.is_bool(expression):
            continue
        for index in reversed(range(expression.size())):
            wanted = z3.Extract(index, index, expression) == 0
            if values[name] >> index & 1:
                try_with(wanted)
            else:
                solver.add(wanted)
    return values


def _relevant_bits(
    context: z3.Context,
    formulas: list[z3.ExprRef],
    names: Mapping[str, z3.ExprRef],
    values: Mapping[str, int],
    budget: int,
    effort: int | None,
    whole: bool,
) -> dict[str, int]:
    """Which bits have to be as they are for the claim to fail, all others being free."""
    solver = fresh_solver(context, min(budget, _SMALLEST_BUDGET))
    solver.add(*formulas)
    # Whole variables first: most do not matter, and bits are many.
    of_all = {name: z3.Bool(f"|{name}|", context) for name in names}
    for name, literal in of_all.items():
        solver.add(z3.Implies(literal, _equals(names[name], values[name])))
    if solver.check(*of_all.values()) != z3.unsat:
        return dict.fromkeys(names, _EVERY_BIT)
    of_literal = {f"|{name}|": name for name in names}
    matter = sorted(of_literal[literal] for literal in _core(solver))
    if whole:
        return {name: _EVERY_BIT if name in set(matter) else 0 for name in names}
    literals: dict[str, tuple[z3.BoolRef, str, int]] = {}
    for name in matter:
        expression = names[name]
        width = 1 if z3.is_bool(expression) else expression.size()
        for index in range(width):
            literal = z3.Bool(f"|{name}| bit {index}", context)
            one = bool(values[name] >> index & 1)
            if z3.is_bool(expression):
                solver.add(z3.Implies(literal, expression if one else z3.Not(expression)))
            else:
                solver.add(z3.Implies(literal, z3.Extract(index, index, expression) == int(one)))
            literals[_name(literal)] = (literal, name, index)
    if solver.check(*(literal for literal, _, _ in literals.values())) != z3.unsat:
        return dict.fromkeys(names, _EVERY_BIT)
    core = _core(solver)
    for candidate in sorted(core)[:effort]:
        rest = [literals[each][0] for each in core if each != candidate]
        if solver.check(*rest) == z3.unsat:
            core = _core(solver) if rest else []
        if candidate not in core and not core:
            break
    relevant = dict.fromkeys(names, 0)
    for literal_name in core:
        _, name, index = literals[literal_name]
        relevant[name] |= 1 << index
    return relevant


def _core(solver: z3.Solver) -> list[str]:
    """The names of the literals that contradict each other."""
    return [_name(literal) for literal in solver.unsat_core()]


def _name(literal: z3.BoolRef) -> str:
    # Printing one takes forty times as long.
    return str(literal.decl().name())


def _equals(expression: z3.ExprRef, value: int) -> z3.BoolRef:
    if z3.is_bool(expression):
        return expression if value else z3.Not(expression)
    return expression == value


def _read(model: z3.ModelRef, names: Mapping[str, z3.ExprRef]) -> dict[str, int]:
    values: dict[str, int] = {}
    for name, expression in names.items():
        found = model.eval(expression, model_completion=True)
        values[name] = int(z3.is_true(found)) if z3.is_bool(expression) else found.as_long()
    return values


def refuted_by(obligation: Obligation, values: Mapping[str, int]) -> bool:
    """Whether an assignment satisfies the assumptions and breaks the claim, by plain integers."""
    premise, broken = evaluate_all([obligation.premise, negate(obligation.claim)], values)
    return bool(premise and broken)
