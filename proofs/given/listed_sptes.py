"""What a list of SPTEs means: which SPTEs stand on it, how many, and how it is kept.

Where no SPTE stands on a list twice, the two say which list it is, but for its order.
"""

from __future__ import annotations

from itertools import zip_longest

from mmuproof.model.spte_lists import SpteDescriptor, SpteList
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, iff, implies, ite, ne, negate, to_bv, ult

_COUNT_BITS = 32


def stands_on(listed: SpteList, spte: BitVec) -> Bool:
    """Whether an SPTE stands on a list."""
    return any_of(*(all_of(there, eq(each, spte)) for there, each in _places(listed)))


def stands_twice(listed: SpteList, spte: BitVec) -> Bool:
    """Whether an SPTE stands on a list more than once."""
    seen, again = FALSE, FALSE
    for there, each in _places(listed):
        here = all_of(there, eq(each, spte))
        seen, again = any_of(seen, here), any_of(again, all_of(seen, here))
    return again


def length(listed: SpteList) -> BitVec:
    """How many SPTEs stand on a list (32)."""
    total = to_bv(ne(listed.alone, 0), _COUNT_BITS)
    for each in listed.descriptors:
        total = total + ite(each.linked, each.count, 0)
    return total


def well_kept(listed: SpteList) -> Bool:
    """That a list leads to its SPTEs, and that each descriptor notes right what stands in it and behind it."""
    following = zip_longest(listed.descriptors, listed.descriptors[1:])
    return all_of(negate(listed.broken), *(_kept_descriptor(each, behind) for each, behind in following))


def list_well_kept(listed: SpteList) -> Assumption:
    """The same of a list with which something begins."""
    return Assumption("the list is well kept: so the functions that change it leave it", well_kept(listed))


def _kept_descriptor(descriptor: SpteDescriptor, following: SpteDescriptor | None) -> Bool:
    """That a descriptor has some SPTEs, in its first places, and notes right what follows, if kernels note that."""
    room = len(descriptor.sptes)
    right = [ult(descriptor.count - 1, room)]
    right += [
        iff(ne(spte, 0), ult(bv(place, _COUNT_BITS), descriptor.count)) for place, spte in enumerate(descriptor.sptes)
    ]
    if descriptor.behind is not None:
        behind = bv(0, _COUNT_BITS)
        if following is not None and following.behind is not None:
            # Only the first descriptor of a list may have room left.
            behind = ite(following.linked, following.count + following.behind, 0)
            right.append(implies(following.linked, eq(following.count, room)))
        right.append(eq(descriptor.behind, behind))
    return implies(descriptor.linked, all_of(*right))


def _places(listed: SpteList) -> list[tuple[Bool, BitVec]]:
    """The places of a list: whether an SPTE stands there, and which."""
    inside = [
        (all_of(each.linked, ult(bv(place, _COUNT_BITS), each.count)), spte)
        for each in listed.descriptors
        for place, spte in enumerate(each.sptes)
    ]
    return [(ne(listed.alone, 0), listed.alone), *inside]
