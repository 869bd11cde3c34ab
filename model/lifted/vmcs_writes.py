"""What calls that are not followed write to a field of the VMCS."""

from __future__ import annotations

from collections.abc import Iterable

from mmuproof.lift.machine.findings import CallMade
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, ite, resize


def written(calls: Iterable[CallMade], field: int, width: int = 64) -> tuple[Bool, BitVec]:
    """Whether a field is written, and with what in the end; 0 if it is not.

    Args:
        calls: calls that are given a field's encoding and what is written, in their order.
        field: the field's encoding, SDM volume 3D, appendix B.
        width: the bits of what is written.
    """
    told, value = FALSE, bv(0, width)
    for call in calls:
        place, given = numbers_given(call)
        here = all_of(call.guard, eq(resize(place, 64), field))
        told, value = any_of(told, here), ite(here, resize(given, width), value)
    return told, value
