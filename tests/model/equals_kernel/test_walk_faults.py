"""What the reference model's walks of guest page tables leave when they fail is what Linux 7.2.13's C leaves."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import TRUE, bool_var, var
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_EVERY_WALK = (
    (GpteFormat.EPT, 5, True),
    (GpteFormat.EPT, 4, True),
    (GpteFormat.PAGING64, 5, False),
    (GpteFormat.PAGING64, 4, False),
    (GpteFormat.PAGING64, 4, True),
    (GpteFormat.PAGING64, 3, False),
    (GpteFormat.PAGING64, 3, True),
    (GpteFormat.PAGING32, 2, False),
    (GpteFormat.PAGING32, 2, True),
)


@pytest.mark.parametrize(("gpte_format", "levels", "nested"), _EVERY_WALK, ids=reads)
def test_failed_walk(both: Both, gpte_format: GpteFormat, levels: int, *, nested: bool) -> None:
    width = 32 if gpte_format is GpteFormat.PAGING32 else 64
    entries = tuple(var(f"entry {level}", width) for level in range(2 if levels == 3 else levels, 0, -1))
    flags = bool_var("A/D") if gpte_format is GpteFormat.EPT else TRUE
    role, pse = var("role", 64), bool_var("CR4.PSE")
    mine, theirs = (
        kvm.walk_faults.failed_walk(
            gpte_format, levels, entries, role=role, cr4_pse=pse, accessed_dirty=flags, nested=nested
        )
        for kvm in both
    )
    prove_equal(mine, theirs, partial={CheckKind.WARN})
