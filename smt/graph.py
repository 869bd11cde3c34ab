"""Whole terms: walked, evaluated with plain integers, and rewritten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from mmuproof.smt import operations as ops
from mmuproof.smt.operations import Op
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    Term,
    all_of,
    any_of,
    ashr,
    concat,
    divided,
    eq,
    extract,
    iff,
    ite,
    negate,
    sdiv,
    sext,
    slt,
    srem,
    to_signed,
    udiv,
    ult,
    urem,
    zext,
)


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
        # What most terms are, without a call for each.
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
        else:
            known[term] = _value(term, known, values)
    return known


def _value(term: Term, known: Mapping[Term, int], values: Mapping[str, int]) -> int:
    op = term.op
    if op is ops.CONST:
        return term.value
    full = (1 << term.width) - 1 if term.width else 1
    if op is ops.VAR:
        return values.get(term.name, 0) & full
    args = [known[arg] for arg in term.args]
    if op in _FOLDS:
        result = args[0]
        for arg in args[1:]:
            result = _FOLDS[op](result, arg)
        return result & full
    if op is ops.NOT:
        return ~args[0] & full
    if op is ops.EXTRACT:
        assert isinstance(term.data, int)
        return (args[0] >> term.data) & full
    if op is ops.CONCAT:
        return args[0] << term.args[1].width | args[1]
    if op is ops.ZEXT:
        return args[0]
    width = term.args[0].width
    if op is ops.SEXT:
        return to_signed(args[0], width) & full
    if op is ops.SLT:
        return int(to_signed(args[0], width) < to_signed(args[1], width))
    if op in (ops.SHL, ops.LSHR, ops.ASHR):
        count = min(args[1], width)
        if op is ops.SHL:
            return args[0] << count & full
        return (to_signed(args[0], width) if op is ops.ASHR else args[0]) >> count & full
    return divided(op, args[0], args[1], width) & full


_FOLDS: Mapping[Op, Callable[[int, int], int]] = {
    ops.XOR: lambda a, b: a ^ b,
    ops.ADD: lambda a, b: a + b,
    ops.SUB: lambda a, b: a - b,
    ops.MUL: lambda a, b: a * b,
    ops.ULT: lambda a, b: int(a < b),
}

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
                new = term if args == term.args else _rebuild(term, args)
            elif new.width != term.width:
                raise ValueError(f"the replacement of {term!r} has another sort")
            done[term] = new
        return done[root]  # type: ignore[return-value]


def _rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    op = term.op
    if term.width == 0 and op in (ops.NOT, ops.AND, ops.OR):
        truths = [_truth(arg) for arg in args]
        return negate(truths[0]) if op is ops.NOT else all_of(*truths) if op is ops.AND else any_of(*truths)
    if op is ops.ITE:
        condition = _truth(args[0])
        if term.width == 0:
            return ite(condition, _truth(args[1]), _truth(args[2]))
        return ite(condition, _vector(args[1]), _vector(args[2]))
    if op is ops.EQ and args[0].width == 0:
        return iff(_truth(args[0]), _truth(args[1]))
    vectors = [_vector(arg) for arg in args]
    first = vectors[0]
    if op is ops.EXTRACT:
        assert isinstance(term.data, int)
        return extract(first, term.data + term.width - 1, term.data)
    if op in (ops.ZEXT, ops.SEXT):
        return zext(first, term.width) if op is ops.ZEXT else sext(first, term.width)
    if op is ops.NOT:
        return ~first
    return _BINARY[op](first, vectors[1])


_BINARY: Mapping[Op, Callable[[BitVec, BitVec], Term]] = {
    ops.EQ: eq,
    ops.ULT: ult,
    ops.SLT: slt,
    ops.UDIV: udiv,
    ops.UREM: urem,
    ops.SDIV: sdiv,
    ops.SREM: srem,
    ops.ASHR: ashr,
    ops.CONCAT: concat,
    ops.AND: lambda a, b: a & b,
    ops.OR: lambda a, b: a | b,
    ops.XOR: lambda a, b: a ^ b,
    ops.ADD: lambda a, b: a + b,
    ops.SUB: lambda a, b: a - b,
    ops.MUL: lambda a, b: a * b,
    ops.SHL: lambda a, b: a << b,
    ops.LSHR: lambda a, b: a >> b,
}


def _vector(term: Term) -> BitVec:
    assert isinstance(term, BitVec)
    return term


def _truth(term: Term) -> Bool:
    assert isinstance(term, Bool)
    return term
