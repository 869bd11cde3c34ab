"""On what a term's value depends: on which bits of its variables, and through which of its nodes.

No solver is asked.  What each operation needs of its arguments is said in `mmuproof.smt.operations`; here it is
followed through whole terms, and where the values are known, only as far as they leave a dependence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mmuproof.smt import operations as ops
from mmuproof.smt.graph import postorder, values_of
from mmuproof.smt.operations import full
from mmuproof.smt.terms import Bool, Term

# -- whatever the values are ---------------------------------------------------------------------------


def bits_used(root: Term) -> dict[str, int]:
    """For each variable the mask of the bits on which a term can depend; too many at worst, never too few."""
    wanted: dict[Term, int] = {root: full(root)}
    used: dict[str, int] = {}
    for term in reversed(postorder([root])):
        mask = wanted.get(term, 0)
        if not mask:
            continue
        if term.op is ops.VAR:
            used[term.name] = mask
        elif term.args:
            for arg, bits in zip(term.args, term.op.needs(term, mask), strict=True):
                wanted[arg] = wanted.get(arg, 0) | bits
    return used


def bits_told(root: Term) -> dict[str, int]:
    """For each variable the mask of the bits that can be read off a term's value; too few at worst."""
    told: dict[str, int] = {}
    todo = [(root, full(root))]
    while todo:
        term, mask = todo.pop()
        if not mask:
            continue
        if term.op is ops.VAR:
            told[term.name] = told.get(term.name, 0) | mask
        todo += zip(term.args, term.op.tells(term, mask), strict=True)
    return told


def overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether two maps from variables to masks have a bit in common."""
    return any(mask & other.get(name, 0) for name, mask in one.items())


# -- under an assignment, bit by bit -------------------------------------------------------------------


def justify(root: Bool, values: Mapping[str, int]) -> dict[str, int]:
    """Of each variable below a truth value the mask of bits that decide it; variables of which no bit does are absent.

    With these bits as they are the truth value is what it is under ``values``, whatever all others are.  They are
    not always as few as possible.

    Args:
        root: the truth value.
        values: the assignment; a variable that is not named is 0.
    """
    order = postorder([root])
    known = values_of(order, values)
    needed: dict[Term, int] = {root: 1}
    found: dict[str, int] = {}
    # Whatever uses a node comes before it, so all that is needed of it is known by then.
    for term in reversed(order):
        mask = needed.get(term, 0)
        if not mask:
            continue
        if term.op is ops.VAR:
            found[term.name] = mask
        elif term.args:
            for arg, bits in zip(term.args, _needs(term, mask, known, needed), strict=True):
                if bits:
                    needed[arg] = needed.get(arg, 0) | bits
    return found


def _needs(term: Term, mask: int, known: Mapping[Term, int], needed: Mapping[Term, int]) -> Sequence[int]:
    """Which bits of its arguments decide some bits of a term; of most operations the same whatever the values are."""
    op, args = term.op, term.args
    if op is ops.AND or op is ops.OR:
        return _deciding_bits(args, mask, known, needed, deciding=0 if op is ops.AND else -1)
    if op is ops.ITE:
        return [1, mask, 0] if known[args[0]] else [1, 0, mask]
    if op is ops.EQ:
        difference = known[args[0]] ^ known[args[1]]
        # Two numbers are other ones if a single bit is.
        return [difference & -difference or full(args[0])] * 2
    return op.needs(term, mask)


def _deciding_bits(
    args: Sequence[Term], mask: int, known: Mapping[Term, int], needed: Mapping[Term, int], *, deciding: int
) -> Sequence[int]:
    """Of each bit one argument that decides it alone, if there is one: one that is needed anyway, or the first."""
    bits: dict[Term, int] = {}
    left = mask
    for arg in sorted(args, key=lambda each: not needed.get(each, 0)):
        decides = left & (known[arg] if deciding else ~known[arg])
        if decides:
            bits[arg] = decides
            left &= ~decides
    return [bits.get(arg, 0) | left for arg in args]


# -- under an assignment, node by node -----------------------------------------------------------------


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


def _taken(choice: Term, values: Mapping[Term, int]) -> Term:
    return choice.args[1] if values[choice.args[0]] else choice.args[2]


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


def unresized(term: Term) -> Term:
    """A term without the widening and narrowing that C's conversions put around it."""
    while term.op is ops.ZEXT or (term.op is ops.EXTRACT and term.data == 0):
        term = term.args[0]
    return term
