"""Which part of a term's graph a value comes from: on which bits it depends, and through which nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mmuproof.smt import operations as ops
from mmuproof.smt.graph import postorder
from mmuproof.smt.terms import Term

_BITWISE = (ops.AND, ops.OR, ops.XOR)


def bits_used(root: Term) -> dict[str, int]:
    """For each variable the mask of the bits on which a term can depend; too many at worst, never too few."""
    wanted: dict[Term, int] = {root: _full(root)}
    used: dict[str, int] = {}
    for term in reversed(postorder([root])):
        mask = wanted.get(term, 0)
        if not mask or term.op is ops.CONST:
            continue
        if term.op is ops.VAR:
            used[term.name] = mask
            continue
        for arg, arg_mask in zip(term.args, _wanted_of_arguments(term, mask), strict=True):
            wanted[arg] = wanted.get(arg, 0) | arg_mask & _full(arg)
    return used


def bits_told(root: Term) -> dict[str, int]:
    """For each variable the mask of the bits that can be read off a term's value; too few at worst."""
    told: dict[str, int] = {}
    todo = [(root, _full(root))]
    while todo:
        term, mask = todo.pop()
        op, args = term.op, term.args
        if not mask:
            continue
        if op is ops.VAR:
            told[term.name] = told.get(term.name, 0) | mask
        elif op in (ops.EXTRACT, ops.CONCAT, ops.ZEXT) or op is ops.NOT:
            todo += [(arg, part & _full(arg)) for arg, part in zip(args, _wanted_of_arguments(term, mask), strict=True)]
        elif op is ops.SEXT:
            todo.append((args[0], mask & _full(args[0])))
        elif term.width and op in _BITWISE and args[1].is_const:
            neutral = {ops.AND: args[1].value, ops.OR: ~args[1].value, ops.XOR: -1}[op]
            todo.append((args[0], mask & neutral & _full(args[0])))
        elif _tells_truth(term, mask):
            todo.append((args[0], 1))
    return told


def _tells_truth(term: Term, mask: int) -> bool:
    """Whether the bits of ``mask`` say what the one bit of the first argument is."""
    op, args = term.op, term.args
    if op is ops.EQ:
        return args[1].is_const and args[0].width <= 1
    return op is ops.ITE and args[1].is_const and args[2].is_const and bool((args[1].value ^ args[2].value) & mask)


def visited(roots: Iterable[Term], values: Mapping[Term, int]) -> set[Term]:
    """The nodes that make the roots what they are: of every choice only the branch that is taken.

    Args:
        roots: what has to be explained.
        values: the value of every node below the roots.
    """
    seen: set[Term] = set()
    stack = list(roots)
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        stack.extend(_deciding(term, values))
    return seen


def carried_constants(nodes: Iterable[Term], values: Mapping[Term, int]) -> set[Term]:
    """The constants that flow into a result, out of `visited` nodes: chosen or shifted, not compared with."""
    found: set[Term] = set()
    for term in nodes:
        if term.op is ops.ITE:
            found.add(_taken(term, values))
        elif term.op in (ops.SHL, ops.LSHR, ops.ASHR):
            found.add(term.args[0])
    return {term for term in found if term.is_const}


def selected(nodes: Iterable[Term], values: Mapping[Term, int]) -> set[int]:
    """The values by which `visited` nodes choose between more than two things, as an array's index does."""
    return {
        values[selector]
        for term in nodes
        if term.op is ops.ITE
        for selector in _selectors(term)
        if any(selector in _selectors(branch) for branch in term.args[1:])
    }


def _selectors(choice: Term) -> set[Term]:
    """What a choice's condition compares with a constant."""
    if choice.op is not ops.ITE:
        return set()
    condition = choice.args[0]
    parts = condition.args if condition.op is ops.AND else (condition,)
    return {part.args[0] for part in parts if part.op is ops.EQ and part.args[0].width > 1 and part.args[1].is_const}


def core(term: Term) -> Term:
    """A term without the widening and narrowing that C's conversions put around it."""
    while term.op is ops.ZEXT or (term.op is ops.EXTRACT and term.data == 0):
        term = term.args[0]
    return term


def overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether two maps from variables to masks have a bit in common."""
    return any(mask & other.get(name, 0) for name, mask in one.items())


def _taken(choice: Term, values: Mapping[Term, int]) -> Term:
    return choice.args[1] if values[choice.args[0]] else choice.args[2]


def _deciding(term: Term, values: Mapping[Term, int]) -> Iterable[Term]:
    if term.op is ops.ITE:
        return term.args[0], _taken(term, values)
    if term.width == 0 and term.op in (ops.AND, ops.OR):
        # One false argument makes a conjunction false, one true argument a disjunction true.
        decisive = [arg for arg in term.args if bool(values[arg]) is (term.op is ops.OR)]
        return decisive or term.args
    if term.width and term.op is ops.AND:
        # So does a zero, whatever the other side is.
        return [arg for arg in term.args if not values[arg]][:1] or term.args
    return term.args


def _wanted_of_arguments(term: Term, mask: int) -> list[int]:
    """Which bits of each argument can change the bits of ``mask`` of a term."""
    op, args = term.op, term.args
    if op is ops.EXTRACT:
        assert isinstance(term.data, int)
        return [mask << term.data]
    if op is ops.CONCAT:
        return [mask >> args[1].width, mask]
    if op is ops.ZEXT:
        return [mask]
    if op is ops.SEXT:
        sign = 1 << (args[0].width - 1)
        return [mask | (sign if mask >> args[0].width else 0)]
    if op is ops.ITE:
        return [1, mask, mask]
    if term.width and op in _BITWISE and args[1].is_const:
        neutral = {ops.AND: args[1].value, ops.OR: ~args[1].value, ops.XOR: -1}[op]
        return [mask & neutral, 0]
    if term.width and (op is ops.NOT or op in _BITWISE):
        return [mask] * len(args)
    if op in (ops.ADD, ops.SUB, ops.MUL):
        return [(1 << mask.bit_length()) - 1] * len(args)
    return [_full(arg) for arg in args]


def _full(term: Term) -> int:
    return (1 << term.width) - 1 if term.width else 1
