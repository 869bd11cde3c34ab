"""Whole terms: walked, evaluated with plain integers, and rewritten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import product
from math import prod
from typing import TypeVar

from mmuproof.smt import operations as ops
from mmuproof.smt import terms as builders
from mmuproof.smt.operations import full
from mmuproof.smt.terms import BitVec, Bool, Term


def postorder(roots: Iterable[Term], known: Collection[Term] = ()) -> list[Term]:
    """Every node below ``roots`` once, arguments before the nodes that use them; not those below a ``known`` one."""
    order: list[Term] = []
    seen: set[Term] = set()
    # Behind None is a node whose arguments have been visited.
    stack: list[Term | None] = [root for root in roots if root not in known]
    while stack:
        term = stack.pop()
        if term is None:
            order.append(stack.pop())  # type: ignore[arg-type]
        elif term not in seen:
            seen.add(term)
            if not term.args:
                order.append(term)
                continue
            stack += (term, None)
            for arg in term.args:
                if arg not in seen and arg not in known:
                    stack.append(arg)
    return order


def variables(*roots: Term) -> dict[str, Term]:
    """The variables below ``roots`` by name, in a fixed order.

    Raises:
        ValueError: one name is used with two widths.
    """
    return variables_among(postorder(roots))


def variables_among(terms: Iterable[Term]) -> dict[str, Term]:
    """The variables among some terms, see `variables`."""
    found: dict[str, Term] = {}
    for term in terms:
        if term.op is ops.VAR and found.setdefault(term.name, term) is not term:
            raise ValueError(f"the name {term.name} is used with two widths")
    return found


def evaluate(root: Term, values: Mapping[str, int]) -> int:
    """The value of ``root`` (0 or 1 for a truth value) with plain integers; a variable not named is 0."""
    return evaluate_all([root], values)[0]


def evaluate_all(roots: list[Term], values: Mapping[str, int]) -> list[int]:
    """The values of several terms at once; see `evaluate`."""
    known = values_of(postorder(roots), values)
    return [known[root] for root in roots]


def values_of(terms: Iterable[Term], values: Mapping[str, int]) -> dict[Term, int]:
    """The value of each of some terms, which come in an order in which arguments stand before what uses them."""
    known: dict[Term, int] = {}
    for term in terms:
        op, args = term.op, term.args
        # What most terms are without a call of `fold` for each; all that way takes half as long again.
        if op is ops.AND or op is ops.OR:
            value = known[args[0]]
            for arg in args[1:]:
                value = value & known[arg] if op is ops.AND else value | known[arg]
            known[term] = value
        elif op is ops.ITE:
            known[term] = known[args[1]] if known[args[0]] else known[args[2]]
        elif op is ops.EQ:
            known[term] = int(known[args[0]] == known[args[1]])
        elif op is ops.NOT and not term.width:
            known[term] = 1 - known[args[0]]
        elif op is ops.VAR:
            known[term] = values.get(term.name, 0) & full(term)
        else:
            number = args[-1].width if term.data is None else term.data
            known[term] = op.fold(number, *[known[arg] for arg in args]) & full(term)
    return known


def possible_values(root: Term, limit: int = 8) -> frozenset[int] | None:
    """Values among which that of ``root`` is, found by looking at all branches of choices between constants.

    Args:
        root: a term; a truth value is 0 or 1.
        limit: how many values a term may have.

    Returns:
        The values, some of which may be impossible; None if they may be any.
    """
    known: dict[Term, frozenset[int] | None] = {}
    for term in postorder([root]):
        args = [known[arg] for arg in term.args]
        if term.op is ops.CONST:
            known[term] = frozenset((term.value,))
        elif term.op is ops.VAR and not term.width:
            known[term] = frozenset((0, 1))
        elif term.op is ops.ITE:
            known[term] = args[1] | args[2] if args[1] is not None and args[2] is not None else None
        elif not args or None in args or prod(len(each or ()) for each in args) > limit * limit:
            known[term] = None
        else:
            number = term.args[-1].width if term.data is None else term.data
            combined = product(*(each or () for each in args))
            known[term] = frozenset(term.op.fold(number, *each) & full(term) for each in combined)
        found = known[term]
        if found is not None and len(found) > limit:
            known[term] = None
    return known[root]


_T = TypeVar("_T", Bool, BitVec)


def substitute(root: _T, replacements: Mapping[Term, Term]) -> _T:
    """``root`` with every term that is a key of ``replacements`` replaced; sorts have to agree."""
    return Substitution(replacements.get)(root)


class Substitution:
    """The same for many terms, whose common parts are rewritten once.

    Args:
        replacement: what stands for a term, None if the term itself does; sorts have to agree.
    """

    def __init__(self, replacement: Callable[[Term], Term | None]) -> None:
        self._replacement, self._done = replacement, dict[Term, Term]()

    def __call__(self, root: _T) -> _T:
        """The term with everything replaced."""
        done = self._done
        if root in done:
            return done[root]  # type: ignore[return-value]
        # Most terms come after those that they are made of.
        terms = postorder([root], done) if any(arg not in done for arg in root.args) else (root,)
        for term in terms:
            new = self._replacement(term)
            if new is None:
                args = tuple(done[arg] for arg in term.args)
                new = term if args == term.args else term.op.rebuild(builders, term, *args)
            elif new.width != term.width:
                raise ValueError(f"the replacement of {term!r} has another sort")
            done[term] = new
        return done[root]  # type: ignore[return-value]
