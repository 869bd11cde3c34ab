"""What is taken for granted of inputs by their names when two versions are compared: what KVM never gives otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bv, ule, ult

_FRAME = re.compile(r"(?:^|_)[pg]fn$|(?:^|_)[pg]fn\(\)(?:#\d+)?$")
_LEVEL = re.compile(r"(?:^|_)level$")
_INDEX = re.compile(r"^index$")
_SEPARATORS = re.compile(r"->|\.")
_FRAME_BITS = 40
_DEEPEST = 5
_ENTRIES = 512


def usual(variables: Mapping[str, Term]) -> Iterator[Assumption]:
    """The assumptions on inputs: a frame's number is below 2^40, a level is 1 to 5, an index into a table below 512.

    Args:
        variables: the inputs by name.
    """
    frames: list[Bool] = []
    levels: list[Bool] = []
    indices: list[Bool] = []
    for name, term in variables.items():
        if not isinstance(term, BitVec):
            continue
        last = _SEPARATORS.split(name.partition(" after ")[0].lstrip("*"))[-1]
        if _FRAME.search(last) and term.width == 64:
            frames.append(ult(term, bv(1 << _FRAME_BITS, 64)))
        elif _LEVEL.search(last) and term.width > 3:
            levels.append(all_of(ule(bv(1, term.width), term), ule(term, _DEEPEST)))
        elif _INDEX.search(last) and term.width > 9:
            indices.append(ult(term, _ENTRIES))
    if frames:
        yield Assumption(f"a page frame's number is below 2^{_FRAME_BITS}", all_of(*frames))
    if levels:
        yield Assumption(f"the level of a page table is 1 to {_DEEPEST}", all_of(*levels))
    if indices:
        yield Assumption(f"an index into a page table is below {_ENTRIES}", all_of(*indices))
