"""What set-ups of MMUs leave in the reference model is what Linux 7.2.13's C leaves, wherever it is looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.set_ups import LEVELS, MmuSetUp, SetUpCall, mask_name
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bv, eq, ne, negate, ule, var
from tests.model.equality import Both, prove_equal
from tests.model.equals_kernel.requests import request

pytestmark = pytest.mark.kernel

_SEQUENCES = [
    (Vendor.INTEL, MmuKind.TDP),
    (Vendor.AMD, MmuKind.TDP, MmuKind.TDP),
    (Vendor.INTEL, MmuKind.TDP, MmuKind.L2, MmuKind.TDP),
    (Vendor.INTEL, MmuKind.L2, MmuKind.L2),
    (Vendor.INTEL, MmuKind.NESTED_EPT),
    (Vendor.INTEL, MmuKind.NESTED_EPT, MmuKind.NESTED_EPT),
    (Vendor.AMD, MmuKind.NESTED_NPT, MmuKind.NESTED_NPT),
    (Vendor.SHADOW, MmuKind.SHADOW, MmuKind.SHADOW),
]


def used(table: str, levels: BitVec) -> Iterator[tuple[str, Bool]]:
    """When the elements of a table are asked for, with tables of so many levels."""
    yield f"{table}.bad_mt_xwr", negate(eq(levels, 0))
    for level in range(1, LEVELS + 1):
        reached = ule(bv(level, levels.width), levels)
        # The root of PAE paging has entries of another kind.
        condition = all_of(reached, ne(levels, 3)) if level == 3 else reached
        for bit7 in (False, True):
            yield f"{table}.masks[{mask_name(bit7, level)}]", condition


def where(theirs: MmuSetUp) -> dict[str, Bool]:
    found = dict(used("walk.reserved", theirs.walk.level))
    if theirs.built is not None:
        level = theirs.built.level
        possible = any_of(*(eq(level, each) for each in (3, 4, 5)))
        found |= {path: all_of(possible, asked) for path, asked in used("built.reserved", level)}
    return found


@pytest.mark.parametrize("world", ["", "another"])
@pytest.mark.parametrize("sequence", _SEQUENCES, ids=lambda names: "-".join(each.name for each in names))
def test_after(both: Both, sequence: tuple[Vendor | MmuKind, ...], world: str) -> None:
    vendor, *kinds = sequence
    assert isinstance(vendor, Vendor)
    masks = both.reference.masks.shadow_masks(vendor)
    calls = tuple(
        SetUpCall(kind, request(str(number)), var(f"hflags {number}", 32))
        for number, kind in enumerate(kinds)
        if isinstance(kind, MmuKind)
    )
    mine, theirs = (kvm.set_ups.after(calls, masks, world=world) for kvm in both)
    # What the code asserts of set-ups is part of the roles.
    prove_equal(mine, theirs, where=where(theirs), partial=tuple(CheckKind))
