"""Why a truth value is true under an assignment: the bits of the variables that decide it, read off its term.

No solver is asked.  The bits found are enough, and are not always as few as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mmuproof.smt import operations as ops
from mmuproof.smt.graph import postorder, values_of
from mmuproof.smt.terms import Bool, Term

_Needs = Callable[[Term, int, Sequence[int]], Sequence[int]]


def justify(root: Bool, values: Mapping[str, int]) -> dict[str, int]:
    """Of each variable below a truth value the mask of bits that decide it; variables of which no bit does are absent.

    With these bits as they are the truth value is what it is under ``values``, whatever all others are.

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
            continue
        for arg, bits in _needs(term, mask, known, needed):
            if bits:
                needed[arg] = needed.get(arg, 0) | bits
    return found


def _needs(term: Term, mask: int, known: Mapping[Term, int], needed: Mapping[Term, int]) -> Sequence[tuple[Term, int]]:
    """Which bits of its arguments decide some bits of a term."""
    op, args = term.op, term.args
    if op in (ops.AND, ops.OR):
        return _junction(args, mask, known, needed, deciding=0 if op is ops.AND else -1)
    if op in (ops.NOT, ops.XOR):
        return [(arg, mask) for arg in args]
    if op is ops.ITE:
        condition, then, other = args
        return [(condition, 1), (then if known[condition] else other, mask)]
    if op is ops.EQ:
        difference = known[args[0]] ^ known[args[1]]
        # Two numbers are other ones if a single bit is.
        bits = difference & -difference if difference else _all(args[0])
        return [(arg, bits) for arg in args]
    if op is ops.EXTRACT:
        assert isinstance(term.data, int)
        return [(args[0], mask << term.data)]
    if op is ops.CONCAT:
        low = args[1].width
        return [(args[0], mask >> low), (args[1], mask & (1 << low) - 1)]
    if op in (ops.ZEXT, ops.SEXT):
        width = args[0].width
        sign = 1 << width - 1 if op is ops.SEXT and mask >> width else 0
        return [(args[0], mask & (1 << width) - 1 | sign)]
    if op in (ops.ADD, ops.SUB, ops.MUL):
        # A bit depends on those below it.
        return [(arg, (1 << mask.bit_length()) - 1) for arg in args]
    if op in (ops.SHL, ops.LSHR) and args[1].is_const:
        count = args[1].value
        return [(args[0], mask >> count if op is ops.SHL else mask << count & _all(args[0]))]
    return [(arg, _all(arg)) for arg in args]


def _junction(
    args: Sequence[Term], mask: int, known: Mapping[Term, int], needed: Mapping[Term, int], *, deciding: int
) -> Sequence[tuple[Term, int]]:
    """Of each bit one argument that decides it alone, if there is one: one that is needed anyway, or the first."""
    bits: dict[Term, int] = {}
    left = mask
    for arg in sorted(args, key=lambda each: not needed.get(each, 0)):
        decides = left & (known[arg] if deciding else ~known[arg])
        if decides:
            bits[arg] = decides
            left &= ~decides
    return [(arg, bits.get(arg, 0) | left) for arg in args]


def _all(term: Term) -> int:
    return (1 << term.width) - 1 if term.width else 1
