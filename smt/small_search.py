"""A counterexample with few bits set, and the bits of it that matter.

Which bits matter is read off the terms first; the solver then leaves out of these what it can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import z3

from mmuproof.smt.backend import core, equals, fresh_solver, name, read
from mmuproof.smt.dependence import justify
from mmuproof.smt.obligation import Obligation
from mmuproof.smt.terms import Bool
from mmuproof.smt.translation import Translation

_EVERY_BIT = (1 << 64) - 1
_BUDGET = 20_000_000
"""The resource limit of all questions together that make one counterexample smaller."""


class SmallSearch:
    """Looks for small counterexamples of an obligation.

    Args:
        translation: where expressions are made.
        obligation: what is refuted.
        goal: what is to be true of a counterexample; that the claim is broken is among it.
        names: the variables of all of these.
        budget: Z3's resource limit for one question; all of them together take no more than for a small one.
        seed: of the solver's random choices.
    """

    def __init__(
        self,
        translation: Translation,
        obligation: Obligation,
        goal: Bool,
        names: Mapping[str, z3.ExprRef],
        budget: int,
        seed: int = 0,
    ) -> None:
        self._context, self._obligation, self._goal, self._names = translation.context, obligation, goal, names
        self._resources, self._seed = _Resources(min(budget, _BUDGET)), seed
        self._wanted = [translation.expression(each.term) for each in obligation.assumptions]
        self._solver = fresh_solver(self._context, self._resources.left)
        self._solver.set("core.minimize", True)
        self._solver.add(*self._wanted, z3.Not(translation.expression(goal)))
        self._wanted.append(translation.expression(goal))

    def smallest(self, values: Mapping[str, int], effort: int | None) -> tuple[dict[str, int], dict[str, int]]:
        """A counterexample made from another one, and the mask of those bits of each variable that matter.

        First all is zero that does not matter, then what can be of the rest.

        Args:
            values: a counterexample.
            effort: how many questions may be asked; any number if None.
        """
        matter = self._variables(values)
        plain = self._cleared(values, dict.fromkeys(matter or (), _EVERY_BIT))
        if matter is None or plain is values:
            # It is not known what matters, or the assumptions speak of more than that.
            matter = set(self._names)
        else:
            plain = self._cleared(plain, self._bits(plain))
        solver = fresh_solver(self._context, self._resources.left, self._seed)
        solver.add(*self._wanted)
        solver.add(*(equals(self._names[each], value) for each, value in plain.items() if each not in matter))
        names = {each: expression for each, expression in self._names.items() if each in matter}
        found = _smallest(solver, names, dict(plain), effort, self._resources)
        relevant = self._bits(found)
        cleared = dict(self._cleared(found, relevant))
        return cleared, relevant if cleared == found else self._bits(cleared)

    def _cleared(self, values: Mapping[str, int], relevant: Mapping[str, int]) -> Mapping[str, int]:
        """The same without the bits that do not matter, if that is a counterexample."""
        plain = {each: value & relevant.get(each, 0) for each, value in values.items()}
        return plain if self._obligation.is_refuted_by(plain) else values

    def _variables(self, values: Mapping[str, int]) -> set[str] | None:
        """The variables that have to be as they are, all others being free; None if that is not known."""
        names = {f"|{each}| = {values[each]:#x}": each for each in justify(self._goal, values)}
        literals = [z3.Bool(text, self._context) for text in names]
        for literal, each in zip(literals, names.values(), strict=True):
            self._solver.add(z3.Implies(literal, equals(self._names[each], values[each])))
        if self._resources.asked(self._solver, *literals) != z3.unsat:
            return None
        return {names[literal] for literal in core(self._solver)}

    def _bits(self, values: Mapping[str, int]) -> dict[str, int]:
        """The mask of those bits of each variable that have to be as they are, all others being free."""
        # Whole variables first: most do not matter, and bits are many.
        matter = self._variables(values)
        if matter is None:
            return dict.fromkeys(self._names, _EVERY_BIT)
        literals = self._bit_literals(values, sorted(matter))
        if self._resources.asked(self._solver, *(literal for literal, _, _ in literals.values())) != z3.unsat:
            return dict.fromkeys(self._names, _EVERY_BIT)
        relevant = dict.fromkeys(self._names, 0)
        for literal_name in core(self._solver):
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


def _smallest(
    solver: z3.Solver,
    names: Mapping[str, z3.ExprRef],
    values: dict[str, int],
    effort: int | None,
    resources: _Resources,
) -> dict[str, int]:
    """An assignment that satisfies the solver's formulas with few bits set: greedy, first whole variables.

    The search stops early, with what it has, when all its questions together have taken the budget.
    """
    left = effort

    def try_with(condition: z3.BoolRef) -> bool:
        nonlocal left
        if left == 0 or resources.left <= 0:
            return False
        if left is not None:
            left -= 1
        solver.push()
        solver.add(condition)
        if resources.asked(solver) == z3.sat:
            values.update(read(solver.model(), names))
            return True
        solver.pop()
        return False

    for each, expression in names.items():
        if values[each]:
            try_with(equals(expression, 0))
        else:
            solver.add(equals(expression, 0))
    for each, expression in names.items():
        if not values[each] or z3.is_bool(expression):
            continue
        for index in reversed(range(expression.size())):
            wanted = z3.Extract(index, index, expression) == 0
            if values[each] >> index & 1:
                try_with(wanted)
            else:
                solver.add(wanted)
    return values


class _Resources:
    """What all questions together may take.

    Args:
        left: Z3's resource limit.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def asked(self, solver: z3.Solver, *literals: z3.BoolRef) -> z3.CheckSatResult:
        """What a solver answers with what is left; nothing if that is nothing."""
        if self.left <= 0:
            return z3.unknown
        before = _taken(solver)
        solver.set("rlimit", self.left)
        answer = solver.check(*literals)
        self.left -= _taken(solver) - before
        return answer


def _taken(solver: z3.Solver) -> int:
    """What has been taken in a solver's context so far."""
    statistics = solver.statistics()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118
