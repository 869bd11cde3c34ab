"""What the reference model says of flushing what an entry has translated is what Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.flush_ranges import FlushRanges
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_OPERATIONS: dict[str, Callable[[FlushRanges], object]] = {
    "tdp_map": lambda ranges: ranges.tdp_map(),
    "shadow_map": lambda ranges: ranges.shadow_map(),
    "recycled": lambda ranges: ranges.recycled(),
    "dropped": lambda ranges: ranges.dropped(),
    "linked": lambda ranges: ranges.linked(),
}


@pytest.mark.parametrize("name", _OPERATIONS)
def test_the_operation(both: Both, name: str) -> None:
    level = both.reference.flush_ranges.recycled().level
    mapped = ult(level - 1, 3)
    # The model leaves out what these functions assert.
    prove_equal(*(_OPERATIONS[name](kvm.flush_ranges) for kvm in both), partial={CheckKind.WARN}, assuming=(mapped,))
